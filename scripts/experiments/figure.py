#!/usr/bin/env python3
"""Draw accuracy against image-steps, distilled and finetuned: docs/accuracy.svg.

    pip install matplotlib==3.10.*
    scripts/experiments/figure.py

The points are in docs/accuracy.csv, of which each row is in a table of docs/results.md: the data,
the arm, the image-steps of the student's training on the task, the mean accuracy on test in
percent, its standard deviation over the seeds (empty: one seed), and the number of seeds.
"""

import csv
import pathlib

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
PRE_TRAINING = 448e6  # image-steps: 350 epochs of ImageNet's 1.28 million images (Tan & Le 2019)
MARKS = {
    "distilled": ("o", "#1f77b4"),
    "finetuned": ("s", "#d95f02"),
    "from scratch": ("^", "#777"),
}


def read_points():
    """{data: {arm: [(image-steps, accuracy, spread)]}}, in the order of the file."""
    panels = {}
    with (DOCS / "accuracy.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            arms = panels.setdefault(row["data"], {})
            point = (int(row["image_steps"]), float(row["accuracy"]), float(row["spread"] or 0))
            arms.setdefault(row["arm"], []).append(point)
    return panels


def draw(axes, data, arms):
    for arm, points in arms.items():
        mark, colour = MARKS[arm]
        steps, accuracies, spreads = zip(*sorted(points))
        line = {"color": colour, "marker": mark, "markersize": 5, "linewidth": 1.4}
        axes.errorbar(steps, accuracies, yerr=spreads, label=arm, capsize=3, **line)
        if arm == "finetuned":  # the same students, with the image-steps that they began with
            whole = [step + PRE_TRAINING for step in steps]
            hollow = {**line, "linestyle": "none", "markerfacecolor": "white"}
            axes.plot(whole, accuracies, label="finetuned, pre-training counted", **hollow)
    axes.axvline(PRE_TRAINING, color="#bbb", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(4e3, 1.5e9)
    axes.set_title(data, fontsize=10)
    axes.set_xlabel("image-steps", fontsize=9)
    axes.grid(True, color="#eee")
    axes.tick_params(labelsize=8)


def main():
    panels = read_points()
    plt.rcParams["svg.hashsalt"] = "retort"  # the same bytes each time
    plt.rcParams["svg.fonttype"] = "none"  # text as text
    figure, all_axes = plt.subplots(2, 2, figsize=(9, 6.4), squeeze=False)
    for axes, (data, arms) in zip(all_axes.flat, panels.items(), strict=True):
        draw(axes, data, arms)
    for row in all_axes:
        row[0].set_ylabel("test accuracy, percent", fontsize=9)
    handles, labels = all_axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=4, fontsize=9, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.savefig(DOCS / "accuracy.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
