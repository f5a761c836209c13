"""How long the paper's recipe takes to reach its own accuracy after 250 epochs, and how long
retort's defaults take to reach the same: a part of bench/run.py.

Accuracies are on one validation split and of a teacher with real weights (--teacher-weights): of
`retort distill --recipe paper`, whose teacher sees 8 views of an image instead of 250, and of
retort's defaults with ever more epochs until one run is as accurate. Times are those of a teacher
of each --teacher's size at 224 px (random weights, which changes no time) and the student at 64 px:
plain PyTorch's with the teacher in the loop for the epochs that the paper's recipe needed, and
retort's from a cold folder. Both are projected from their phases, as in the part whole-job.

First, `--recipe paper` and plain PyTorch train for three epochs from two seeds each, with one small
teacher: their accuracies should be within each other's spread.

Runs stay in build/bench/time-to-accuracy, and the part begun again goes on with them.
"""

import json
import pathlib
import statistics
import subprocess
import sys

from peers import linked

SIZE = 64
EPOCHS = (5, 10, 20, 40, 80)  # of retort's defaults: the first that is as accurate counts
FIRST_EPOCHS, SEEDS = 3, (0, 1)


class Runs:
    """Runs of retort's on one data set, which are gone on with where they were left."""

    def __init__(self, program, data, folder, most_views):
        self.program, self.data, self.folder = program, data, folder
        self.most_views = most_views

    def run(self, name, teacher, *more):
        """Its validation accuracies by epoch, and its test accuracy."""
        out = self.folder / name
        command = [self.program, "distill", "--data", self.data, "--teacher", teacher]
        command += ["--student", "mobilenet_v2", "--image-size", SIZE, "--precision", "fp32"]
        command += ["--cache", self.folder / "cache", "--out", out, "--resume", *more]
        words = [str(word) for word in command]
        if subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            sys.exit(" ".join(words))
        lines = (out / "metrics.jsonl").read_text().splitlines()
        student = json.loads((out / "summary.json").read_text())["student"]
        return [json.loads(line)["val_accuracy"] for line in lines], student["test_accuracy"]

    def views(self, epochs):
        return min(self.most_views, epochs)

    def paper(self, teacher, epochs):
        """The epoch at which the paper's recipe has its accuracy, that accuracy, and the one on
        the test split."""
        chosen = ["--recipe", "paper", "--epochs", epochs, "--views", self.views(epochs)]
        curve, test = self.run("paper", teacher, *chosen)
        epoch, accuracy = reached(curve)
        return epoch, accuracy, test

    def own(self, teacher, least):
        """How many epochs retort's defaults take until they are as accurate, and their accuracies
        on both splits; no epochs where none of EPOCHS is enough."""
        for epochs in EPOCHS:
            chosen = ["--epochs", epochs, "--views", self.views(epochs)]
            curve, test = self.run(f"own-{epochs}", teacher, *chosen)
            if curve[-1] >= least:
                return epochs, curve[-1], test
        return 0, curve[-1], test


def reached(curve, width=5):
    """The accuracy that a curve ends with, the mean of its last epochs, and the first epoch whose
    mean with those before it is as high."""
    width = min(width, len(curve))
    means = [statistics.mean(curve[i - width : i]) for i in range(width, len(curve) + 1)]
    last = means[-1]
    return next(i for i, mean in enumerate(means) if mean >= last) + width, last


def first_epochs(results, runs, teacher, plain):
    """The paper's recipe in retort and in plain PyTorch, from as many seeds."""
    ours, theirs = [], []
    for seed in SEEDS:
        chosen = ["--epochs", FIRST_EPOCHS, "--seed", seed]
        ours.append(runs.run(f"first-{seed}", teacher, "--recipe", "paper", *chosen)[0][-1])
        sizes = ["--teacher", "mobilenet_v3_small", "--size", SIZE]
        theirs.append(json.loads(plain("curve", runs.data, *sizes, *chosen))[-1])
    for name, found in (("retort", ours), ("plain_pytorch", theirs)):
        results.add(
            f"first_epochs_accuracy.{name}",
            statistics.mean(found),
            f"% on validation after {FIRST_EPOCHS} epochs; seeds: "
            + ", ".join(f"{value:.1f}" for value in found),
        )


def part(results, args, work, program, timing):
    """`timing` has what the whole job's part has: epochs, views, teachers, plain(...),
    teacher_file(name), and the seconds of both sides' jobs."""
    if not args.teacher_weights:
        sys.exit("time-to-accuracy: give --teacher-weights FILE, which retort can read")
    folder = work / "time-to-accuracy" / args.data.resolve().name
    data = linked(args.data, folder / "data", sys.maxsize)
    runs = Runs(program, data, folder, timing.views)
    first_epochs(results, runs, timing.teacher_file("mobilenet_v3_small"), timing.plain)
    teacher = pathlib.Path(args.teacher_weights)
    epoch, accuracy, test = runs.paper(teacher, args.epochs or timing.epochs)
    own_epochs, own_accuracy, own_test = runs.own(teacher, accuracy)
    results.add("paper_accuracy", accuracy, f"% on validation at epoch {epoch}; test {test:.1f}")
    results.add(
        "own_accuracy", own_accuracy, f"% on validation, {own_epochs} epochs; test {own_test:.1f}"
    )
    if not own_epochs:
        print(f"no run of up to {EPOCHS[-1]} epochs is as accurate as the paper's recipe")
        return
    for name in args.teacher or timing.teachers:
        theirs = timing.plain_seconds(data, name, epoch)
        ours = timing.retort_seconds(data, name, own_epochs, runs.views(own_epochs))
        results.add(
            f"time_to_accuracy_speedup.{name}",
            theirs / ours,
            f"{theirs / 3600:.2f} h against {ours / 3600:.2f} h; at least 50",
        )
