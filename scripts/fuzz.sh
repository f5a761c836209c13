#!/usr/bin/env bash
# scripts/fuzz.sh [SECONDS | --runs N] [NAME...]: builds the fuzzers of tests/fuzz and runs each for
# this many seconds (20), or inputs, starting from the tests' fixtures, one on each core; prints how
# many inputs each had, and what it found. The exit status is 1 where anything was found. Inputs
# that reach new code are kept in build/fuzz/corpus/NAME, those that break something in
# build/fuzz/found. SEED=N in the environment fixes the inputs.
set -euo pipefail
cd "$(dirname "$0")/.."

build=build/fuzz
fixtures=tests/fixtures
limit=-max_total_time=20
case ${1:-} in
  --runs) limit=-runs=${2:?scripts/fuzz.sh --runs N}; shift 2 ;;
  [0-9]*) limit=-max_total_time=$1; shift ;;
  -*) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
esac

scripts/install.sh build fuzz
[ -f $build/build.ninja ] || cmake --preset fuzz
if [ $# -gt 0 ]; then
  cmake --build --preset fuzz --parallel "${JOBS:-$(nproc)}" --target fuzz_seed "${@/#/fuzz_}"
else
  cmake --build --preset fuzz --parallel "${JOBS:-$(nproc)}"
fi

# ---- Seeds ---------------------------------------------------------------------------------------

corpus=$build/corpus
found=$build/found
seeds=$build/seeds
mkdir -p $corpus $found
rm -rf $seeds

# seed NAME FILE...: copies the files that are small enough.
seed() {
  local name=$1 file
  shift
  mkdir -p "$seeds/$name"
  for file in "$@"; do
    if [ -f "$file" ] && [ "$(stat -c %s "$file")" -le 200000 ]; then
      cp "$file" "$seeds/$name/$(basename "$(dirname "$file")")_$(basename "$file")"
    fi
  done
}

# pack NAME SEED FILE...: packs files of a folder into one input (tests/fuzz/fuzz.h).
pack() {
  local out=$seeds/$1/$2 file
  mkdir -p "$seeds/$1"
  shift 2
  for file in "$@"; do
    printf '%s\x1e' "$(basename "$file")"
    cat "$file"
    printf '\x1e'
  done >"$out"
}

# text NAME SEED TEXT: writes TEXT as printf's %b does.
text() {
  mkdir -p "$seeds/$1"
  printf '%b' "$3" >"$seeds/$1/$2"
}

images=$fixtures/data/images
seed jpeg $images/*.jpg $images/*.mpo
seed png $images/*.png
seed webp $images/*.webp
seed bmp $images/*.bmp
seed pnm $images/*.p[bgp]m
seed gif $images/*.gif
seed tiff $images/*.tif
seed avif $images/*.avif
for file in $images/exif*.jpg $images/xmp*.jpg; do
  mkdir -p $seeds/exif
  tail -c +13 "$file" | head -c 600 >"$seeds/exif/$(basename "$file")"
done
text csv plain 'path,label,split\na.jpg,cat,train\n"b, c.jpg","a ""dog""",test\r\n'
text manifest plain 'list.csv\x1epath,label,split\n1.jpg,a,train\n2.jpg,b,train\n3.jpg,a,val\n'\
'\x1e1.jpg\x1e\x1e2.jpg\x1e\x1e3.jpg\x1e\x1elines.txt\x1e1 a/b.jpg\n2 c/d.jpg\n'
seed pickle $fixtures/weights/*_legacy.pth
for file in $fixtures/weights/*_zip.pth; do
  .venv/bin/python -c '
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
    sys.stdout.buffer.write(archive.read(name))' \
    "$file" >"$seeds/pickle/$(basename "$file")" 2>/dev/null || true
done
seed zip_pth $fixtures/weights/*_zip.pth $fixtures/weights/*.zip $fixtures/weights/*.pt
seed legacy_pth $fixtures/weights/*_legacy.pth
seed safetensors $fixtures/weights/*.safetensors
.venv/bin/python - $fixtures/hub/descriptions.json $seeds/snapshot <<'END'
import json, pathlib, sys

folder = pathlib.Path(sys.argv[2])
folder.mkdir(parents=True)
names = ("config.json", "preprocessor_config.json", "processor_config.json")


def walk(value, found):
    if isinstance(value, dict):
        files = {name: value[name] for name in names if name in value}
        if files:
            found.append(files)
        for inner in value.values():
            walk(inner, found)
    elif isinstance(value, list):
        for inner in value:
            walk(inner, found)


found = []
walk(json.load(open(sys.argv[1])), found)
index = {
    "metadata": {"total_size": 8},
    "weight_map": {
        "a": "model-00001-of-00002.safetensors",
        "b": "model-00002-of-00002.safetensors",
    },
}
for number, files in enumerate(found or [{"config.json": {"architecture": "resnet18"}}]):
    files["model.safetensors.index.json"] = index
    parts = []
    for name, content in files.items():
        parts += [name, content if isinstance(content, str) else json.dumps(content)]
    (folder / str(number)).write_text("\x1e".join(parts))
END
text hub file 'HTTP/1.1 302 Found\r\netag: "abc"\r\nx-linked-etag: W/"0123abcd"\r\n'\
'x-linked-size: 12\r\nlocation: /files/a?b=c\r\n'\
'retry-after: 12\r\nratelimit: "api";r=0;t=55\r\n\r\n'
text hub list '\r\n{"sha":"0123456789012345678901234567890123456789",'\
'"siblings":[{"rfilename":"config.json"},{"rfilename":"a/b.bin"}]}'
text hub name 'hf:org/name@main'
for folder in $fixtures/text/tokenizers/*/; do
  pack tokenizer "$(basename "$folder")" "$folder"*
done
text toml plain '# a run\nstudent = "resnet18"\nepochs = 10\nlr = 1e-3\nflip = true\n'\
'teacher = ["a", "b:2"]\n'
text checkpoint position '{"epoch":1,"step_in_epoch":1,"step":3,"images_seen":18,"kept_epoch":1,'\
'"highest_accuracy":50.0,"kept_accuracy":50.0,"step_seconds":0.5,"seconds":1.0,"term_names"'\
':["kd"],"sums":{"loss":2.5,"correct":3.0,"labelled":6.0,"images":6.0,"terms":[2.5]},"lines":[{"epoch":1,'\
'"step":2,"train_loss":2.0,"terms":{"kd":2.0},"lr":0.001,"images_per_second":9.0}]}'
text metadata names '{"0":"cat","1":"dog"}'
text metadata printed '{0: "cat", 1: "a dog\\x27s"}'
text metadata preprocess '{"resize":256,"crop":224,"interpolation":"bicubic",'\
'"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"range":[0,1]}'
$build/fuzz_seed $seeds

# ---- Runs ----------------------------------------------------------------------------------------

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for program in $build/fuzz_*; do
    [ "$program" = $build/fuzz_seed ] || [ ! -x "$program" ] || names+=("${program#$build/fuzz_}")
  done
fi

# Leak detection after each input would make zip archives a thousand times slower, so that leaks are
# searched once, over the whole corpus.
fuzz() {
  local name=$1 log=$found/$1.log status=0
  mkdir -p "$corpus/$name" "$seeds/$name"
  # Freed memory does not count: 2 GB are for what an input takes.
  export OMP_NUM_THREADS=1 UBSAN_OPTIONS=print_stacktrace=1
  export ASAN_OPTIONS=quarantine_size_mb=32:allocator_release_to_os_interval_ms=500
  local run=("$build/fuzz_$name" -rss_limit_mb=2048 -timeout=5 -detect_leaks=0
    "-artifact_prefix=$found/$name-" "-seed=${SEED:-0}")
  "${run[@]}" "$limit" -print_final_stats=1 "$corpus/$name" "$seeds/$name" >"$log" 2>&1 || status=$?
  [ $status -ne 0 ] || "${run[@]}" -runs=0 "$corpus/$name" >>"$log" 2>&1 || status=$?
  local inputs
  inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "${inputs:-0} $status" >"$found/$name.result"
  printf '%-14s %10s inputs%s\n' "$name" "${inputs:-0}" \
    "$([ $status -eq 0 ] || echo "; FOUND something: $log")"
}
export -f fuzz
export build corpus found seeds limit
rm -f $found/*.result
printf '%s\0' "${names[@]}" | xargs -0 -n 1 -P "${JOBS:-$(nproc)}" bash -c 'fuzz "$0"'

total=0
failed=()
for name in "${names[@]}"; do
  read -r inputs status <"$found/$name.result"
  total=$((total + inputs))
  [ "$status" -eq 0 ] || failed+=("$name")
done
printf '%-14s %10s inputs\n' total "$total"
if [ ${#failed[@]} -gt 0 ]; then
  echo "fuzz: ${failed[*]} found something; the inputs are in $found" >&2
  exit 1
fi
