#!/usr/bin/env python3
"""Explain the demo's numbers: scripts/demo_words.py RUNS SEEDS

Exits with 1 where a student with the teacher is less than ten points ahead of the one without.
"""

import json
import pathlib
import statistics
import sys
import textwrap

WORTH = 10  # points that teacher and pile must add, with each seed


def summary(runs, name):
    return json.loads((runs / name / "summary.json").read_text())


def accuracy(run):
    return run["student"]["test_accuracy"]


def spread(values):
    return f"{statistics.mean(values):.1f}" + (
        f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    )


def table(distilled, scratch):
    print("\nseed   distilled   from scratch   difference")
    for seed, (d, s) in enumerate(zip(distilled, scratch)):
        print(f"{seed:4}{d:10.1f} %{s:13.1f} %{d - s:11.1f}")
    gains = [d - s for d, s in zip(distilled, scratch)]
    print(f"mean ± standard deviation: {spread(distilled)}, {spread(scratch)}, {spread(gains)}")


def advice(finetuned, distilled):
    if finetuned > distilled:
        return (
            "Where there are such weights for the network that you want to ship, finetune them; "
            "distillation is for "
            "the one that has none."
        )
    return "Here the pile is worth more than such weights are."


def words(runs, distilled, scratch):
    run, tuned = summary(runs, "distilled-0"), summary(runs, "finetuned")
    teacher, student, large = run["teacher"], run["student"], tuned["student"]
    images, classes = run["images"], run["classes"]
    pile = sum(extra["images"] for extra in run["extra"])
    millions = lambda model: f"{model['parameters'] / 1e6:.1f} million weights"
    shown = (
        f"The task: say which of {classes} animals is in a picture, after "
        f"{images['train'] // classes} labelled pictures of "
        f"each. Guessing is right on {100 / classes:.1f} %. The numbers are shares of "
        f"{images['test']:,} test pictures, "
        "whose landscapes no training picture has.",
        f"The teacher ({teacher['arch']}, {millions(teacher)}) was pre-trained on ImageNet's "
        f"photographs. With a linear "
        f"head fitted on the labelled pictures it has {teacher['test_accuracy']:.1f} %.",
        f"The student ({student['arch']}, {millions(student)}) begins with random weights. From "
        f"the labelled pictures "
        f"alone it gets {spread(scratch)} %: it learns them by heart.",
        f"The same student, in as many steps, has {spread(distilled)} % when it learns what the "
        f"teacher says of {pile:,} "
        f"more pictures, which nobody labelled: "
        f"{statistics.mean(distilled) - statistics.mean(scratch):.0f} points more.",
        f"{large['arch']} ({millions(large)}) has pre-trained weights of its own to begin with; "
        f"finetuned on the labelled "
        f"pictures it has {accuracy(tuned):.1f} %. "
        f"{advice(accuracy(tuned), statistics.mean(distilled))}",
    )
    print("\nWhat this means")
    for paragraph in shown:
        print(textwrap.fill(paragraph, 100, initial_indent="  * ", subsequent_indent="    "))
    print(
        f"\nThe small model is {runs}/distilled-0/student.onnx, its page "
        f"{runs}/distilled-0/report.html"
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    runs, seeds = pathlib.Path(sys.argv[1]), range(int(sys.argv[2]))
    distilled = [accuracy(summary(runs, f"distilled-{seed}")) for seed in seeds]
    scratch = [accuracy(summary(runs, f"scratch-{seed}")) for seed in seeds]
    if len(seeds) > 1:
        table(distilled, scratch)
    words(runs, distilled, scratch)
    least = min(d - s for d, s in zip(distilled, scratch))
    if least < WORTH:
        sys.exit(f"demo: the teacher is worth {least:.1f} points, and not {WORTH}")


if __name__ == "__main__":
    main()
