#!/usr/bin/env bash
# The effect of the allocator on a training step: bench/allocators.sh [ROUNDS]
# Runs `retort-bench memory` in turns with retort's own allocator (core/memory.h), with malloc, and
# with mimalloc instead of malloc (Debian: libmimalloc2.0 or libmimalloc3; without purging, with
# large pages), on an otherwise idle machine. Prints the medians of images/s, and writes the results
# to build/bench/allocators/.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-3}
program=${RETORT_BENCH:-build/release/retort-bench}
out=build/bench/allocators
mimalloc=$(ldconfig -p | sed -n 's/.*libmimalloc\.so[^ ]* .*=> //p' | head -n 1)
fail() {
  echo "allocators: $*" >&2
  exit 1
}
[ -x "$program" ] || fail "build it first: cmake --build --preset release --target retort-bench"
[ -n "$mimalloc" ] || fail "there is no libmimalloc: apt-get install libmimalloc-dev"
rm -rf "$out"
mkdir -p "$out"

# Versions before 2.1 have other names for these.
without_purging=(MIMALLOC_PURGE_DELAY=-1 MIMALLOC_ALLOW_DECOMMIT=0 MIMALLOC_PAGE_RESET=0)
large_pages=(MIMALLOC_ALLOW_LARGE_OS_PAGES=1 MIMALLOC_LARGE_OS_PAGES=1)

for round in $(seq "$rounds"); do
  "$program" memory "$out/own.$round.json"
  env RETORT_BENCH_MALLOC=1 "$program" memory "$out/malloc.$round.json"
  env RETORT_BENCH_MALLOC=1 LD_PRELOAD="$mimalloc" "${without_purging[@]}" "${large_pages[@]}" \
    "$program" memory "$out/mimalloc.$round.json"
done

python3 - "$out" <<'PYTHON'
import json
import pathlib
import statistics
import sys

rates = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    for line in json.loads(path.read_text()):
        if line["key"].startswith("memory_images_per_second"):
            memory = path.name.split(".")[0]
            rates.setdefault(line["key"], {}).setdefault(memory, []).append(line["value"])
for name, by_memory in sorted(rates.items()):
    medians = {memory: statistics.median(values) for memory, values in by_memory.items()}
    print(name, *(f"{memory} {medians[memory]:.1f}" for memory in ("own", "malloc", "mimalloc")))
PYTHON
