#!/usr/bin/env bash
# scripts/check_package.sh [PRESET]: installs the build into a folder of its own, builds
# docs/examples/own_program against it as a user would, and distils a tiny folder of pictures.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=${1:-release}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix

cmake --install "build/$preset" --prefix "$prefix" >/dev/null
for file in bin/retort{,-program,-diffusion} lib*/libretort.a include/retort/retort.h; do
  compgen -G "$prefix/$file" >/dev/null && continue
  echo "check_package: $file was not installed" >&2
  exit 1
done

cmake -S docs/examples/own_program -B "$scratch/build" -G Ninja \
  -D CMAKE_BUILD_TYPE=Release -D CMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$scratch/build"

# Ten pictures in each of two colours, written with Python's standard library.
python3 - "$scratch/pictures" <<'PYTHON'
import pathlib
import random
import struct
import sys
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, rows, side):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    body = header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


draw = random.Random(0)
for name, colour in (("blue", (20, 40, 220)), ("red", (220, 40, 20))):
    folder = pathlib.Path(sys.argv[1]) / name
    folder.mkdir(parents=True)
    for number in range(10):
        row = [value + draw.randrange(20) for _ in range(32) for value in colour]
        write_png(folder / f"{number}.png", (b"\0" + bytes(row)) * 32, 32)
PYTHON

# The teacher is a student that the installed program trained on the same pictures.
export RETORT_CACHE=$scratch/cache
cd "$scratch"
"$prefix/bin/retort" distill --data pictures --teacher none --student mobilenet_v2 \
  --epochs 1 --out teacher >/dev/null
"$scratch/build/own_program" pictures teacher/student.safetensors student 1 pictures/red/0.png >said
grep -qE '^pictures/red/0.png: (red|blue)$' said
[ -e student/student.onnx ]
echo "package: retort installs, and a program of one's own distils with it"
