#!/usr/bin/env bash
# tests/bytes/same_bytes.sh [COMMIT]: whether build/ci/retort makes the bytes that COMMIT's program
# made (same_bytes.py). By default COMMIT is the last one before the top floor was rebuilt. Builds
# that commit once, in build/before.
set -euo pipefail
cd "$(dirname "$0")/../.."
commit=${1:-ce19c34}

before=build/before/$commit
scripts/install.sh build demo test
if [ ! -x "$before/build/ci/retort" ]; then
  git worktree add --force "$before" "$commit"
  ln -sfn "$PWD/.venv" "$before/.venv"
  # Older commits have no preset of that name: the settings are those of today's.
  cmake -S "$before" -B "$before/build/ci" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG" \
    -DRETORT_UNITY=ON -DRETORT_BUILD_TESTS=OFF -DRETORT_BUILD_BENCH=OFF
  cmake --build "$before/build/ci" --target retort --parallel "${JOBS:-$(nproc)}"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python tests/bytes/same_bytes.py "$before/build/ci/retort" build/ci/retort "$work"
