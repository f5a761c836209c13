#!/usr/bin/env bash
# scripts/lint.sh format-check|format|tidy [FILE...]: clang-format and clang-tidy in the versions that scripts/requirements/lint.txt pins.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=.venv/bin
what=${1:-}
[ $# -eq 0 ] || shift

sources() {
  if [ $# -gt 0 ]; then
    printf '%s\0' "$@"
  else
    find retort cli tests bench \( -name '*.cpp' -o -name '*.h' \) -print0
  fi
}

case $what in
  format) sources "$@" | xargs -0 "$bin/clang-format" -i ;;
  format-check)
    if ! sources "$@" | xargs -0 -n 40 -P "${JOBS:-$(nproc)}" "$bin/clang-format" --dry-run --Werror; then
      echo "lint: \`make format\` mends this" >&2
      exit 1
    fi
    echo "clang-format: nothing to change"
    ;;
  tidy) "$bin/python" scripts/tidy.py build/release "$@" ;;
  *)
    echo "usage: scripts/lint.sh format-check|format|tidy [FILE...]" >&2
    exit 2
    ;;
esac
