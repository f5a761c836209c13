#!/usr/bin/env bash
# scripts/lint.sh includes|format-check|format|tidy [FILE...]: which file includes which; clang-format and clang-tidy in the versions that
# scripts/requirements/lint.txt pins. PRESET (release) is the build folder whose compile commands clang-tidy reads.
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
  includes)
    "$bin/python" scripts/check_includes.py
    "$bin/python" -m unittest -q tests/scripts/lint_test.py
    ;;
  format) sources "$@" | xargs -0 "$bin/clang-format" -i ;;
  format-check)
    if ! sources "$@" | xargs -0 -n 40 -P "${JOBS:-$(nproc)}" "$bin/clang-format" --dry-run --Werror; then
      echo "lint: \`make format\` mends this" >&2
      exit 1
    fi
    echo "clang-format: nothing to change"
    ;;
  tidy) "$bin/python" scripts/tidy.py "build/${PRESET:-release}" "$@" ;;
  *)
    echo "usage: scripts/lint.sh includes|format-check|format|tidy [FILE...]" >&2
    exit 2
    ;;
esac
