#!/usr/bin/env bash
# All benchmarks, each with its alternative: scripts/bench.sh [OPTIONS of bench/run.py]
# The alternative, plain PyTorch, is installed into a virtual environment of its own. BENCH_PYTHON
# names a Python that has it already.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=build/bench/venv
python=${BENCH_PYTHON:-$venv/bin/python}
wanted=bench/requirements.txt
peers=bench/requirements-peers.txt # on top of it, where --only names the part peers
if [ -z "${BENCH_PYTHON:-}" ] && ! cmp -s "$wanted" "$venv/installed.txt"; then
  echo "bench: installing plain PyTorch in $venv (several GB; the log is build/bench/install.log)"
  mkdir -p build/bench
  {
    .venv/bin/python -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --no-input --disable-pip-version-check -r "$wanted"
  } >build/bench/install.log 2>&1 || { tail -n 15 build/bench/install.log >&2; exit 1; }
  cp "$wanted" "$venv/installed.txt"
fi
if [ -z "${BENCH_PYTHON:-}" ] && [[ " $* " =~ [\ =]peers\  ]] \
  && ! cmp -s "$peers" "$venv/peers.txt"; then
  echo "bench: installing timm and LightlyTrain in $venv (the log is build/bench/install.log)"
  "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
    -r "$wanted" -r "$peers" >build/bench/install.log 2>&1 \
    || { tail -n 15 build/bench/install.log >&2; exit 1; }
  cp "$peers" "$venv/peers.txt"
fi
exec "$python" bench/run.py "$@"
