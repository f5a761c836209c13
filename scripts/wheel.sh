#!/usr/bin/env bash
# Packs the Python package into build/wheel/: scripts/wheel.sh PRESET, after retort_python is built.
# The wheel contains the system's libraries; torch's libraries are those of the torch wheel.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
python=${PYTHON:-$PWD/.venv/bin/python}
raw=build/wheel/raw
rm -rf build/wheel
mkdir -p $raw
log=build/wheel.log
pack() {
  "$python" -m pip wheel --no-input --disable-pip-version-check --no-deps --no-build-isolation \
    -w $raw --config-settings "cmake.define.RETORT_PREBUILT=$PWD/build/$preset" . &&
  PATH=${python%/*}:$PATH "$python" -m auditwheel repair -w build/wheel \
    --exclude 'libtorch*.so' --exclude 'libc10*.so' --exclude 'libgomp*.so*' $raw/*.whl
}
pack >$log 2>&1 || { tail -n 20 $log >&2; exit 1; }
rm -rf $raw
ls build/wheel/*.whl
