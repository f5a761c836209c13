"""Small jobs for torture.py and faults.py: their inputs, their commands, and what of their outcome
must be the same bytes each time."""

import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

CLASSES = ("cat", "dog", "owl")
STUDENT = (
    "--student",
    "shufflenet_v2_x0_5",
    "--image-size",
    "32",
    "--batch-size",
    "8",
    "--threads",
    "1",
    "--precision",
    "fp32",
)
TIMES = (
    "images_per_second",
    "seconds",
    "training_seconds",
    "teacher_seconds",
    "saved",
    "milliseconds",
    "forecast",
)


def png(kind, number, size=32):
    """A picture of one colour a class, with noise."""
    draw = random.Random(1000 * kind + number)
    rows = b""
    for _ in range(size):
        rows += b"\0" + bytes(
            (70 * kind + 40 * channel + draw.randrange(60)) % 256
            for _ in range(size)
            for channel in range(3)
        )

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def pictures(folder, each, first=0):
    for kind, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + each):
            (folder / name / f"{number:03d}.png").write_bytes(png(kind, number))


class Place:
    """A folder with inputs, and the environment that keeps a program within it."""

    def __init__(self, retort, folder):
        self.retort, self.folder = str(retort), Path(folder)
        self.data, self.cache, self.out = (
            self.folder / "data",
            self.folder / "cache",
            self.folder / "out",
        )
        self.teacher = self.folder / "teacher.safetensors"
        self.env = {
            **os.environ,
            "RETORT_CACHE": str(self.cache),
            "HF_HUB_CACHE": str(self.folder / "hub"),
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
            "no_proxy": "127.0.0.1",
        }

    def prepare(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        for split, first, each in (("train", 0, 12), ("val", 100, 4), ("test", 200, 4)):
            pictures(self.data / split, each, first)
        pictures(self.folder / "made", 6, 300)
        (self.folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
        (self.folder / "tool").write_text('sleep 0.05\ncp "$1" "$2"\n')
        done = self.run(self.distill("--teacher", "none", "--epochs", "1"))
        if done.returncode != 0:
            raise SystemExit("the teacher cannot be made:\n" + done.stdout)
        shutil.copy(self.out / "student.safetensors", self.teacher)
        self.clean()

    def clean(self):
        for folder in (self.out, self.cache, self.folder / "hub", self.folder / "synth"):
            shutil.rmtree(folder, ignore_errors=True)

    def distill(self, *more, out=None):
        return [
            self.retort,
            "distill",
            "--data",
            self.data,
            *STUDENT,
            "--out",
            out or self.out,
            *more,
        ]

    def taught(self, *more, out=None):
        """From a teacher; `more` takes the place of the options here."""
        own = {
            "--teacher": self.teacher,
            "--teacher-size": "32",
            "--views": "2",
            "--epochs": "2",
            "--checkpoint-seconds": "0",
        }
        return self.distill(
            *(word for pair in own.items() if pair[0] not in more for word in pair), *more, out=out
        )

    def run(self, words, **more):
        return subprocess.run(
            [str(word) for word in words],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **more,
        )


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(item) for name, item in value.items() if name not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def digest(path):
    """Of a file's bytes; of a record of a run without how long it took."""
    data = path.read_bytes()
    if path.name in ("summary.json", "compare.json"):
        data = json.dumps(without_times(json.loads(data))).encode()
    if path.name == "metrics.jsonl":
        data = "\n".join(
            json.dumps(without_times(json.loads(line))) for line in data.decode().splitlines()
        ).encode()
    return hashlib.sha256(data).hexdigest()[:16]


# These contain times: the reports the speed, the comparisons how long their arms took.
LEFT_OUT = ("log.txt", "last.safetensors", "report.html", "compare.md", "compare.html")


def outcome(*folders):
    """What is there: every file by its name, and what it holds but for those that hold times."""
    found = {}
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.name != ".lock" and ".locks" not in path.parts:
                known = "there" if path.name in LEFT_OUT else digest(path)
                found[f"{Path(folder).name}/{path.relative_to(folder)}"] = known
    return found


def differences(wanted, got):
    return (
        [f"{name} is missing" for name in wanted if name not in got]
        + [f"{name} is left" for name in got if name not in wanted]
        + [f"{name} differs" for name in wanted if name in got and wanted[name] != got[name]]
    )
