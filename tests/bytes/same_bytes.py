#!/usr/bin/env python3
"""Whether two programs make the same bytes: tests/bytes/same_bytes.py BEFORE AFTER WORK

BEFORE and AFTER are two builds of retort, WORK an empty folder. Three fixed runs are made with
each, on one thread: a distillation from a probed teacher, a comparison of two arms, and a teacher
that is finetuned first. Weights, ONNX files and stored teacher outputs must be the same, bit for
bit; settings and seconds need not be. tests/bytes/same_bytes.sh builds BEFORE from a commit.
"""

import hashlib
import json
import pathlib
import shutil
import struct
import subprocess
import sys

import numpy as np
from PIL import Image

STUDENT = [
    "--student",
    "shufflenet_v2_x0_5",
    "--image-size",
    "32",
    "--epochs",
    "2",
    "--threads",
    "1",
    "--precision",
    "fp32",
]
TEACHER_SIZE = ["--teacher-size", "32"]


def pictures(folder):
    """Three classes that colours tell apart, with noise by a fixed seed."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 6), ("test", 6)):
        for label in range(3):
            path = folder / split / f"class_{label}"
            path.mkdir(parents=True)
            for i in range(count):
                colour = np.array([60 + 70 * label, 120, 200 - 60 * label])
                pixels = np.clip(rng.normal(colour, 30, (40, 48, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(path / f"{i}.png")


def call(program, *arguments):
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(map(str, arguments))}\n{done.stderr}")


def tensors(path):
    """A safetensors file without its metadata: names, shapes and bytes."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    return {
        name: (entry["dtype"], entry["shape"], data[8 + size :][slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def digest(path):
    content = (
        repr(sorted(tensors(path).items())).encode()
        if path.suffix == ".safetensors"
        else path.read_bytes()
    )
    return hashlib.sha256(content).hexdigest()


def runs(program, work, data, teacher):
    """The bytes of all that the three runs made, by name; of the cache a set, as keys may be
    others."""
    shutil.rmtree(work, ignore_errors=True)
    common = ["--data", data, *STUDENT, "--cache", work / "cache"]
    taught = ["--teacher", teacher, *TEACHER_SIZE, "--views", "2"]
    call(program, "distill", *common, *taught, "--out", work / "probe")
    call(
        program,
        "compare",
        *common,
        *taught,
        "--arm",
        "scratch",
        "--arm",
        "distill",
        "--seeds",
        "1",
        "--out",
        work / "compare",
    )
    call(
        program,
        "distill",
        *common,
        *taught,
        "--teacher-init",
        "finetune",
        "--teacher-epochs",
        "1",
        "--out",
        work / "finetuned",
    )
    made = {}
    for path in sorted(work.rglob("*")):
        if path.name in ("student.safetensors", "student.onnx", "teacher_head.safetensors"):
            made[str(path.relative_to(work))] = digest(path)
    parts = [path for path in (work / "cache" / "teacher").rglob("*.safetensors")]
    made["stored outputs"] = sorted(digest(path) for path in parts)
    return made


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    before, after, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    data, first = work / "data", work / "teacher"
    pictures(data)
    call(
        before,
        "distill",
        "--data",
        data,
        "--teacher",
        "none",
        *STUDENT,
        "--seed",
        "7",
        "--cache",
        work / "cache",
        "--out",
        first,
    )
    teacher = first / "student.safetensors"
    old, new = (runs(program, work / "runs", data, teacher) for program in (before, after))
    for name in sorted(old.keys() | new.keys()):
        print(("same  " if old.get(name) == new.get(name) else "OTHER ") + name)
    sys.exit(0 if old == new else 1)


if __name__ == "__main__":
    main()
