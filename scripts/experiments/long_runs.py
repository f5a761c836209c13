#!/usr/bin/env python3
"""Train what takes a night or a GPU: how accuracy grows with image-steps, and what the teacher's
options add.

    scripts/experiments/long_runs.py --eurosat DIR --flowers DIR --teacher efficientnet_lite2.pth \\
        --student-weights efficientnet_lite0.pth --out runs/long -- --device cuda

Each DIR has train/ and test/, one folder a class; a data set that is not given is left out. The
options after -- are passed to every run. The cheapest runs come first. The same command again skips
finished runs and continues stopped ones, so that it can be ended at any time; --list shows what is
left, --table prints the results so far. A run that fails is named at the end and does not stop the
others.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = (30_000, 100_000, 300_000, 1_000_000, 3_000_000)
TEACHER_STEPS = 100_000  # for each run that tries an option of the teacher
MILDER = ("--crop-min", "0.6", "--brightness", "0.1", "--contrast", "0.1", "--saturation", "0.1")
STUDENT = ("--student", "efficientnet_lite0", "--image-size", "64")
# Name: the options besides the teacher's name. The others are compared with PLAIN.
PLAIN = "default"
TEACHER_OPTIONS = {
    PLAIN: (),
    "teacher finetuned": ("--teacher-init", "finetune"),
    "live views": ("--views", "1", "--more-views", "live"),
    "8 views": ("--views", "8"),
    "kd alone": ("--loss", "none"),
    "temperature 1": ("--temperature", "1"),
    "temperature 10": ("--temperature", "10"),
    "teacher at 64 px": ("--teacher-size", "64"),
    "teacher at 224 px": ("--teacher-size", "224"),
}


@dataclasses.dataclass(frozen=True)
class Run:
    data: str  # name of a data set in data_sets()
    arm: str
    steps: int
    seed: int
    options: tuple

    @property
    def name(self):
        return re.sub(
            r"[^a-z0-9-]+", "-", f"{self.data}-{self.arm}-{self.steps}-{self.seed}".lower()
        )


def data_sets(arguments):
    """{name: (folder, options)}. Cuts are made in OUT/data, as links, where they are missing."""
    found = {}
    if arguments.eurosat:
        for images in (20, 200):
            cut = arguments.out / "data" / f"eurosat{images}"
            if not (cut / "test").exists():
                cut.parent.mkdir(parents=True, exist_ok=True)
                script = str(ROOT / "scripts/cut.py")
                subprocess.run(
                    [sys.executable, script, str(arguments.eurosat), str(cut), str(images)],
                    check=True,
                )
            found[f"EuroSAT {images}"] = (cut, ())
        found["EuroSAT all"] = (arguments.eurosat, MILDER)
    if arguments.flowers:
        found["Flowers-102"] = (arguments.flowers, ())
    return found


def arms(arguments):
    """{name: options} for the curves."""
    taught = ("--teacher", f"{arguments.teacher}@128")
    return {
        "scratch": ("--teacher", "none"),
        PLAIN: taught,
        "patient": (*taught, "--recipe", "patient"),
        "finetune": ("--teacher", "none", "--student-weights", str(arguments.student_weights)),
    }


def plan(arguments, sets):
    """Every run, the cheapest first, without repeating runs that the curves and the teacher's
    options share."""
    runs = {}

    def add(data, arm, steps, seed, options):
        run = Run(data, arm, steps, seed, options)
        runs.setdefault(run.name, run)

    for seed in range(arguments.seeds):
        for data in sets:
            for arm, options in arms(arguments).items():
                for steps in STEPS:
                    add(data, arm, steps, seed, options)
            for arm, options in TEACHER_OPTIONS.items():
                sized = "--teacher-size" in options
                teacher = ("--teacher", str(arguments.teacher) + ("" if sized else "@128"))
                add(data, arm, TEACHER_STEPS, seed, (*teacher, *options))
    wanted = [
        r
        for r in runs.values()
        if r.steps <= arguments.most_steps and re.search(arguments.only, r.name)
    ]
    return sorted(wanted, key=lambda run: (run.steps, run.seed))


def training_images(arguments, folder):
    """The number of images that retort trains on in that folder, from its output; kept in
    OUT/images.json."""
    kept = arguments.out / "images.json"
    counts = json.loads(kept.read_text()) if kept.is_file() else {}
    key = str(folder.resolve())
    if key not in counts:
        command = [
            arguments.retort,
            "distill",
            "--data",
            str(folder),
            *STUDENT,
            "--teacher",
            "none",
            "--dry-run",
        ]
        out = str(arguments.out / "count")
        said = subprocess.run(
            [*command, "--out", out, *arguments.rest], capture_output=True, text=True, check=False
        )
        match = re.search(r"([\d,]+) training", said.stdout + said.stderr)
        if not match:
            sys.exit(f"long_runs: {folder} cannot be read:\n{said.stderr}")
        counts[key] = int(match[1].replace(",", ""))
        kept.write_text(json.dumps(counts))
    return counts[key]


def summary(arguments, run):
    path = arguments.out / run.name / "summary.json"
    return json.loads(path.read_text()) if path.is_file() else None


def train(arguments, run, sets):
    """Whether the run ended without an error."""
    folder, view = sets[run.data]
    epochs = max(1, round(run.steps / training_images(arguments, folder)))
    out = arguments.out / run.name
    command = [arguments.retort, "distill", "--data", str(folder), *STUDENT, *view, *run.options]
    command += [
        "--epochs",
        str(epochs),
        "--seed",
        str(run.seed),
        "--out",
        str(out),
        *arguments.rest,
    ]
    if out.exists():
        command.append("--resume")
    print(" ".join(command), flush=True)
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def cell(summaries):
    scores = [s["student"]["test_accuracy"] for s in summaries if s]
    if not scores:
        return ""
    return f"{statistics.mean(scores):.1f}" + (
        f" ± {statistics.stdev(scores):.1f}" if len(scores) > 1 else ""
    )


def print_tables(arguments, runs):
    """Test accuracy: a row for each data set and arm, a column for each number of image-steps."""
    found = {}
    for run in runs:
        found.setdefault((run.data, run.arm), {}).setdefault(run.steps, []).append(
            summary(arguments, run)
        )
    steps = sorted({run.steps for run in runs})
    print("\n| data | arm | " + " | ".join(f"{s:,}" for s in steps) + " |")
    print("| --- | --- |" + " ---: |" * len(steps))
    for (data, arm), row in sorted(found.items()):
        print(f"| {data} | {arm} | " + " | ".join(cell(row.get(s, [])) for s in steps) + " |")


def parsed():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--retort", default=str(ROOT / "build/release/retort"), help="the program")
    parser.add_argument("--eurosat", type=pathlib.Path, help="EuroSAT: train/ and test/")
    parser.add_argument("--flowers", type=pathlib.Path, help="Flowers-102: train/ and test/")
    parser.add_argument(
        "--teacher", type=pathlib.Path, required=True, help="its weights; it sees 128 pixels"
    )
    parser.add_argument(
        "--student-weights",
        type=pathlib.Path,
        required=True,
        help="efficientnet_lite0's, to finetune",
    )
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for all runs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--most-steps", type=int, default=STEPS[-1], help="leave longer runs out")
    parser.add_argument("--only", default="", metavar="REGEX", help="only runs whose names match")
    parser.add_argument("--list", action="store_true", help="say what is left to run, and stop")
    parser.add_argument(
        "--table", action="store_true", help="print the table of what is done, and stop"
    )
    parser.add_argument(
        "rest",
        nargs="*",
        metavar="OPTION",
        help="after --: options of retort distill for every run",
    )
    arguments = parser.parse_args()
    if not arguments.eurosat and not arguments.flowers:
        parser.error("give --eurosat, --flowers, or both")
    return arguments


def main():
    arguments = parsed()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sets = data_sets(arguments)
    runs = plan(arguments, sets)
    left = [run for run in runs if not summary(arguments, run)]
    print(
        f"{len(runs) - len(left)} of {len(runs)} runs are done; {sum(run.steps for run in left):,} "
        f"image-steps are left"
    )
    if arguments.list:
        print("\n".join(run.name for run in left))
        return
    failed = (
        [] if arguments.table else [run.name for run in left if not train(arguments, run, sets)]
    )
    print_tables(arguments, runs)
    if failed:
        sys.exit(f"long_runs: {len(failed)} runs failed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
