#!/usr/bin/env python3
"""All benchmarks in one run, each with its alternative: a table, and build/bench.json.

    make bench                       # or: bench/run.py [--quick] [--only PART]... [--data FOLDER]

FOLDER is a data set of JPEG photographs with train/ and test/; by default photographs of 500 x 375
pixels are drawn, as large as those that the paper's data sets have. Ratios compare what ran side by
side on this machine, in turns; absolute numbers are of this machine alone.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

import numpy as np
import peers
import scale
import threads
import time_to_accuracy
import wheel
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release"
WORK = ROOT / "build/bench"
TEACHERS = ("resnet50", "vit_b_16")
EPOCHS = 250  # those of the paper
VIEWS = 8  # of each image, for retort's teacher in the projected job


def photograph(rng, hue):
    """Smooth shapes, edges and grain, which cost a JPEG decoder about as much as a photograph of
    that size."""
    height, width = 375, 500
    image = np.zeros((height, width, 3))
    for grid, weight in ((4, 90), (16, 50), (64, 30)):
        small = rng.normal(0, weight, (max(2, height * grid // 500), grid, 3)).clip(-255, 255)
        image += np.stack(
            [
                np.asarray(
                    Image.fromarray(small[..., c].astype(np.float32)).resize(
                        (width, height), Image.BICUBIC
                    )
                )
                for c in range(3)
            ],
            -1,
        )
    y, x = np.mgrid[:height, :width]
    for _ in range(12):
        cy, cx, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(10, 90)
        image[(y - cy) ** 2 + (x - cx) ** 2 < r * r] += rng.normal(0, 50, 3)
    image += (
        rng.normal(0, 6, image.shape)
        + 110
        + 40 * np.array([np.cos(hue), np.sin(hue), -np.cos(hue)])
    )
    return Image.fromarray(image.clip(0, 255).astype(np.uint8))


def draw_photographs(train, classes=10):
    """train/, val/ and test/; retort need not hold images back, because there is val/."""
    folder = WORK / f"photos-{train}"
    if (folder / ".done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", train // 8), ("test", train // 4)):
        for i in range(count):
            label = i % classes
            path = folder / split / f"class_{label}" / f"{i:05}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            photograph(rng, 6.28 * label / classes).save(path, quality=90)
    (folder / ".done").touch()
    return folder


def call(*command, **more):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **more
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Results:
    """Values by their key in bench.json, printed as they come and saved after each part."""

    def __init__(self, path):
        self.path = path
        self.lines = json.loads(path.read_text())["lines"] if path.exists() else []

    def add(self, key, value, unit=""):
        self.lines = [line for line in self.lines if line["key"] != key] + [
            {"key": key, "value": value, "unit": unit}
        ]
        print(f"{key:<56} {value:12.4g} {unit}", flush=True)
        self.save()

    def of_part(self, name, *arguments):
        """Adds the results of retort-bench."""
        out = WORK / f"{name}.json"
        call(BUILD / "retort-bench", name, *arguments, out)
        for line in json.loads(out.read_text()):
            self.add(line["key"], line["value"], line["unit"])

    def save(self):
        tree = {"machine": {"cores": os.cpu_count(), "processor": processor()}, "lines": self.lines}
        for line in self.lines:
            *path, last = line["key"].split(".")
            at = tree
            for part in path:
                at = at.setdefault(part, {})
            at[last] = line["value"]
        self.path.write_text(json.dumps(tree, indent=2) + "\n")


def processor():
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found[1] if found else "unknown"


def tjbench_rate(photo):
    """libjpeg-turbo's decode rate in megapixels a second, on one core."""
    text = call("tjbench", photo, "-benchtime", "2", "-quiet", "-nowrite")
    rates = re.findall(r"(\d+(?:\.\d+)?)\s*$", text.strip().splitlines()[-1])
    if not rates:
        sys.exit(f"tjbench printed what bench/run.py does not know:\n{text}")
    return float(rates[-1])


def images_part(results, args):
    photo = min(args.data.glob("train/*/*.jpg"))
    ours, theirs = [], []
    for _ in range(1 if args.quick else 3):
        theirs.append(tjbench_rate(photo))
        results.of_part("images", args.data, fresh_cache(), photo)
        ours.append(
            next(
                line["value"]
                for line in results.lines
                if line["key"] == "decode_and_crop.megapixels_per_second"
            )
        )
    results.add("tjbench.megapixels_per_second", statistics.median(theirs), "MP/s on one core")
    results.add(
        "decode_over_tjbench",
        statistics.median(o / t for o, t in zip(ours, theirs)),
        "decode + random resized crop, of tjbench's decode",
    )


def fresh_cache():
    shutil.rmtree(WORK / "cache", ignore_errors=True)
    return WORK / "cache"


def teacher_file(name):
    path = WORK / f"{name}.pth"
    if not path.exists():
        plain("teacher", path, "--teacher", name)
    return path


def image_count(data, split):
    return len(list(data.glob(f"{split}/*/*")))


def plain(*arguments):
    return call(sys.executable, ROOT / "bench/plain_pytorch.py", *arguments)


def retort_job(data, teacher, epochs, views, size=224):
    """A run from an empty cache to a trained student: its folder and its seconds."""
    out = WORK / "run"
    shutil.rmtree(out, ignore_errors=True)
    options = ["--teacher", teacher_file(teacher), "--teacher-size", 224]
    options += ["--student", "mobilenet_v2", "--image-size", size, "--batch-size", 64]
    options += ["--epochs", epochs, "--views", views, "--cache", fresh_cache(), "--out", out]
    start = time.perf_counter()
    call(BUILD / "retort", "distill", "--data", data, *options)
    return out, time.perf_counter() - start


def retort_projection(data, teacher, epochs=EPOCHS, views=VIEWS, size=224):
    """The seconds of the whole job, projected from two epochs of which only the second counts
    (as plain PyTorch's first batch does not), and that epoch's images/s."""
    out, _ = retort_job(data, teacher, epochs=2, views=2, size=size)
    summary = json.loads((out / "summary.json").read_text())
    first, both = (
        json.loads(line)["images_per_second"]
        for line in (out / "metrics.jsonl").read_text().splitlines()
    )
    images, seconds = summary["image_steps"] / 2, summary["seconds"]
    rate = images / (2 * images / both - images / first)
    validation = (seconds["training"] - 2 * images / both) / 2
    train = image_count(data, "train")  # where data has no val/, retort holds some of it back
    teaching = seconds["teacher"] * views / 2 * train / images
    return seconds["data"] + teaching + epochs * (train / rate + validation) + seconds[
        "evaluation"
    ], rate


def plain_projection(data, teacher, epochs=EPOCHS, size=224):
    """The seconds of the plain loop's two phases, with the faster of two loaders."""
    train, test = image_count(data, "train"), image_count(data, "test")
    best = None
    for workers in (0, 2):
        options = ["--teacher", teacher, "--workers", workers, "--size", size]
        rate = json.loads(plain("rates", data, *options))
        probe = (
            train / rate["probe_first_epoch"]
            + (epochs - 1) * train / rate["probe_epoch"]
            + epochs * test / rate["teacher_validation"]
        )
        distill = epochs * (train / rate["distill"] + test / rate["student_validation"])
        if best is None or probe + distill < sum(best[:2]):
            best = probe, distill, workers, rate
    return best


def whole_job_part(results, args):
    for teacher in args.teacher or TEACHERS:
        probe, distill, workers, rate = plain_projection(args.data, teacher)
        ours, trained = retort_projection(args.data, teacher)
        results.add(
            f"plain_pytorch.{teacher}.distill_images_per_second",
            rate["distill"],
            f"images/s, {workers} workers",
        )
        results.add(
            f"plain_pytorch.{teacher}.load_images_per_second",
            rate["load"],
            f"images/s, {workers} workers",
        )
        results.add(f"retort.{teacher}.training_images_per_second", trained, "images/s")
        results.add(
            f"plain_pytorch.{teacher}.hours",
            (probe + distill) / 3600,
            f"of which the probe {probe / 3600:.2f}, {EPOCHS} epochs",
        )
        results.add(f"retort.{teacher}.hours", ours / 3600, f"{VIEWS} views, {EPOCHS} epochs")
        results.add(
            f"whole_job_speedup.{teacher}",
            (probe + distill) / ours,
            f"projected to {EPOCHS} epochs",
        )


def cold_part(results, args):
    """Both sides do the whole job in 20 epochs, without projection, on few images, because plain
    PyTorch needs half an hour for each hundred."""
    for teacher in args.teacher or TEACHERS:
        theirs = json.loads(
            plain("job", args.few, "--teacher", teacher, "--epochs", 20, "--workers", 2)
        )
        _, ours = retort_job(args.few, teacher, epochs=20, views=2)
        hours = sum(theirs.values()) / 3600
        results.add(
            f"cold_20_epochs_speedup.{teacher}",
            sum(theirs.values()) / ours,
            f"plain PyTorch {hours:.2f} h, retort {ours / 3600:.2f} h",
        )


def cifar(folder, images):
    """CIFAR-10's binary layout with any number of images: small images that need no decoding."""
    if (folder / ".done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name, count in [(f"data_batch_{i}.bin", images // 5) for i in range(1, 6)] + [
        ("test_batch.bin", 500)
    ]:
        records = rng.integers(0, 256, (count, 1 + 3 * 32 * 32), np.uint8)
        records[:, 0] = np.arange(count) % 10
        records.tofile(folder / name)
    (folder / "batches.meta.txt").write_text("".join(f"class_{i}\n" for i in range(10)))
    (folder / ".done").touch()
    return folder


def peak_of(*command):
    """The peak anonymous memory of a command in MB, without its mapped stores, which the system can
    take back."""
    said = WORK / "stderr.txt"
    with (
        open(said, "w") as stderr,
        subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=stderr
        ) as process,
    ):
        peak = 0
        while process.poll() is None:
            try:
                found = re.search(
                    r"RssAnon:\s*(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text()
                )
            except OSError:
                break
            peak = max(peak, int(found[1]) if found else 0)
            time.sleep(0.2)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{said.read_text()}")
    return peak / 1024


def memory_part(results, args):
    """One epoch with a teacher on 2,000, 20,000 and 200,000 images. Both models are small, to show
    what grows with the number of images."""
    for images in (2000, 20000) if args.quick else (2000, 20000, 200000):
        out = WORK / "run"
        shutil.rmtree(out, ignore_errors=True)
        peak = peak_of(
            BUILD / "retort",
            "distill",
            "--data",
            cifar(WORK / f"cifar-{images}", images),
            "--teacher",
            teacher_file("mobilenet_v3_small"),
            "--teacher-size",
            32,
            "--student",
            "mobilenet_v3_small",
            "--image-size",
            32,
            "--batch-size",
            64,
            "--epochs",
            1,
            "--views",
            1,
            "--cache",
            fresh_cache(),
            "--out",
            out,
        )
        results.add(f"peak_memory_mb.{images}", peak, "MB, anonymous")


def milliseconds(command, until=None):
    """Waits until a command ends, or until it prints a line with this beginning; then stops it."""
    begin = time.monotonic()
    with subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if until and line.startswith(until):
                taken = time.monotonic() - begin
                process.kill()
                return 1000 * taken
        if process.wait() != 0 or until:
            sys.exit(f"{' '.join(map(str, command))}\n{''.join(said)}")
    return 1000 * (time.monotonic() - begin)


def startup_part(results, args):
    """Waiting times of a user, each the median of five: help, one picture, and the first step of a
    run with another seed than an earlier run, whose images and teacher outputs are stored."""
    retort, out = BUILD / "retort", WORK / "startup"
    shutil.rmtree(out, ignore_errors=True)
    job = [retort, "distill", "--data", args.few, "--student", "mobilenet_v2", "--image-size", 64]
    job += ["--epochs", 1, "--cache", fresh_cache()]
    call(*job, "--teacher", "none", "--out", out / "teacher")
    job += ["--teacher", out / "teacher/student.safetensors"]
    call(*job, "--out", out / "first")
    photo = next(args.few.glob("test/*/*"))

    def median(command, until=None):
        return statistics.median(milliseconds(command(i), until) for i in range(5))

    results.add(
        "startup_ms.help", median(lambda _: [retort, "distill", "--help"]), "ms; at most 50"
    )
    results.add(
        "startup_ms.predict",
        median(lambda _: [retort, "predict", "--run", out / "first", photo]),
        "ms; at most 500",
    )
    results.add(
        "startup_ms.first_step",
        median(lambda i: [*job, "--seed", i + 1, "--out", out / f"seed-{i}"], "training:"),
        "ms; at most 3000",
    )


def peers_part(results, args):
    photos = draw_photographs(512) if args.quick and not args.own_data else args.data
    teachers = args.teacher or (TEACHERS[:1] if args.quick else TEACHERS)
    peers.peers_part(results, args, WORK, BUILD / "retort", photos, teachers)


class Timing:
    """What the part time-to-accuracy times, by the projections of the whole job."""

    epochs, views, teachers = EPOCHS, VIEWS, TEACHERS
    plain = staticmethod(plain)
    teacher_file = staticmethod(teacher_file)

    @staticmethod
    def plain_seconds(data, teacher, epochs):
        return sum(plain_projection(data, teacher, epochs, time_to_accuracy.SIZE)[:2])

    @staticmethod
    def retort_seconds(data, teacher, epochs, views):
        return retort_projection(data, teacher, epochs, views, time_to_accuracy.SIZE)[0]


PARTS = {
    "images": images_part,
    "gradients": lambda results, args: results.of_part("gradients"),
    "losses": lambda results, args: results.of_part("losses"),
    "step": lambda results, args: results.of_part("step"),
    "store": lambda results, args: results.of_part(
        "store", args.data, fresh_cache(), teacher_file("resnet50")
    ),
    "whole-job": whole_job_part,
    "cold": cold_part,
    "memory": memory_part,
    "busy": lambda results, args: threads.busy_part(results, args, WORK, BUILD / "retort"),
    "threads": lambda results, args: threads.threads_part(results, args, WORK, BUILD / "retort"),
    "startup": startup_part,
    "binding": lambda results, args: wheel.binding_part(results, args, WORK, BUILD / "retort"),
    "scale": lambda results, args: scale.scale_part(
        results, args, WORK, BUILD / "retort", sorted(args.data.glob("train/*/*"))
    ),
    "ranks": lambda results, args: wheel.ranks_part(results, args, WORK, BUILD / "retort"),
    "peers": peers_part,
    "time-to-accuracy": lambda results, args: time_to_accuracy.part(
        results, args, WORK, BUILD / "retort", Timing
    ),
}
# Run where --only names them: one needs more packages, and one takes hours.
ALONE = ("peers", "time-to-accuracy")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer images and rounds: a look, not a result"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(PARTS),
        help=f"this part; may be given again (default: all but {', '.join(ALONE)})",
    )
    parser.add_argument(
        "--teacher",
        action="append",
        choices=TEACHERS,
        help="of whole-job, cold and peers; may be given again (default: both)",
    )
    parser.add_argument(
        "--data", type=pathlib.Path, help="a data set of JPEG photographs with train/ and test/"
    )
    parser.add_argument(
        "--images", type=int, default=0, help="of scale: how many links (default: a million)"
    )
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="of binding and ranks: a Python with retort's package (default: this one)",
    )
    peers.add_options(parser)
    args = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    args.own_data = args.data is not None
    args.few = args.data or draw_photographs(128)
    if args.data is None:
        args.data = args.few if args.quick else draw_photographs(384)
    if not args.only:
        (ROOT / "build/bench.json").unlink(missing_ok=True)
    results = Results(ROOT / "build/bench.json")
    for name in args.only or [part for part in PARTS if part not in ALONE]:
        print(f"== {name}", flush=True)
        PARTS[name](results, args)
    print(f"written: {results.path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
