#!/usr/bin/env bash
# scripts/lint.sh includes|sizes|text|format-check|format|tidy [FILE...]
#   includes      which file includes which, and whether it includes what it calls
#   sizes         how long functions, classes, and files of retort/run are
#   text          whether lines of code or pages exceed 100 columns; what pages say of the code
#   format-check  clang-format on C++, ruff on Python; format corrects what it finds
#   tidy          clang-tidy; PRESET (release) is the build folder whose compile commands it reads
# The tools are those that scripts/requirements/lint.txt pins.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=.venv/bin
what=${1:-}
[ $# -eq 0 ] || shift

# The C++ files among the arguments, or all without arguments.
sources() {
  if [ $# -gt 0 ]; then
    local file
    for file in "$@"; do
      case $file in *.cpp | *.h) printf '%s\0' "$file" ;; esac
    done
  else
    find retort cli python tests bench docs/examples \( -name '*.cpp' -o -name '*.h' \) -print0
  fi
}

# The same for Python files.
scripts() {
  if [ $# -gt 0 ]; then
    local file
    for file in "$@"; do
      case $file in *.py) printf '%s\0' "$file" ;; esac
    done
  else
    git ls-files -z --cached --others --exclude-standard '*.py'
  fi
}

case $what in
  includes)
    "$bin/python" scripts/check_includes.py
    "$bin/python" -m unittest -q tests/scripts/lint_test.py
    ;;
  sizes)
    "$bin/python" scripts/check_sizes.py
    ;;
  text)
    "$bin/python" scripts/check_text.py code docs
    "$bin/python" -m unittest -q tests/scripts/docs_test.py
    ;;
  format)
    sources "$@" | xargs -0r "$bin/clang-format" -i
    scripts "$@" | xargs -0r "$bin/ruff" format --quiet
    ;;
  format-check)
    if ! sources "$@" \
      | xargs -0r -n 40 -P "${JOBS:-$(nproc)}" "$bin/clang-format" --dry-run --Werror \
      || ! scripts "$@" | xargs -0r "$bin/ruff" format --check --quiet; then
      echo "lint: \`make format\` mends this" >&2
      exit 1
    fi
    echo "clang-format and ruff: nothing to change"
    ;;
  tidy) "$bin/python" scripts/tidy.py "build/${PRESET:-release}" "$@" ;;
  *)
    echo "usage: scripts/lint.sh includes|sizes|text|format-check|format|tidy [FILE...]" >&2
    exit 2
    ;;
esac
