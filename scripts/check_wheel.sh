#!/usr/bin/env bash
# Installs the wheel of build/wheel/ and the requirements of its tests in an empty virtual
# environment, runs the tests beside the program of a preset, and runs mypy on the examples:
# scripts/check_wheel.sh PRESET
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
python=${PYTHON:-$PWD/.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --no-input --disable-pip-version-check \
  -r python/tests/requirements.txt build/wheel/*.whl
# This must run outside python/retort, which has no extension module.
mkdir "$work/python" "$work/docs"
cp -r python/tests "$work/python/"
cp -r docs/examples docs/quickstart.ipynb "$work/docs/"
cd "$work"
# mypy reads torch for most of a minute, at the same time as the tests, which have one thread.
venv/bin/python -m mypy --strict --config-file "$OLDPWD/pyproject.toml" \
  python/tests/typed.py docs/examples/python_api.py >mypy.log 2>&1 &
mypy=$!
RETORT_PROGRAM=$OLDPWD/build/$preset/retort OMP_WAIT_POLICY=passive \
  venv/bin/python -m pytest -q -p no:cacheprovider python/tests
wait $mypy || { cat mypy.log; exit 1; }
venv/bin/python "$OLDPWD/scripts/python_options.py" --check
