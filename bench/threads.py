"""What threads are worth to a training step, on a quiet machine and on a busy one: parts of
bench/run.py.

The rates are those of `retort distill --dry-run`, which times training steps for two seconds.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys

from wheel import in_turns

BUSY = ("efficientnet_lite0", 32)
STUDENTS = ("mobilenet_v2", "efficientnet_lite0", "resnet18", "deit_tiny")


class Rates:
    """Images/s of training steps, in batches of 64 and fp32, from one folder of images."""

    def __init__(self, program, data, cache):
        shutil.rmtree(cache, ignore_errors=True)
        self.command = [program, "distill", "--data", data, "--cache", cache, "--teacher", "none"]
        self.command += ["--batch-size", 64, "--precision", "fp32", "--dry-run"]

    def once(self, student, size, threads):
        options = ["--student", student, "--image-size", size, "--threads", threads]
        command = [str(word) for word in (*self.command, *options)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        rate = re.search(r"([\d.]+) images/s", said)
        if done.returncode != 0 or not rate:
            sys.exit(f"{' '.join(command)}\n{said}")
        return float(rate[1])

    def median(self, student, size, threads):
        """The median of three calls. No threads: as many as the process may use."""
        return statistics.median(self.once(student, size, threads) for _ in range(3))


def busy_part(results, args, work, program):
    """The training rate next to as many busy loops as there are processors, each in a session of
    its own, divided by the rate on the quiet machine."""
    rates, loops = Rates(program, args.few, work / "cache"), []
    cores = len(os.sched_getaffinity(0))
    quiet = rates.median(*BUSY, 0)
    try:
        for _ in range(cores):
            loop = [sys.executable, "-c", "while True: pass"]
            loops.append(subprocess.Popen(loop, start_new_session=True))
        all_threads, one_thread = rates.median(*BUSY, 0), rates.median(*BUSY, 1)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    results.add(
        "contended_over_quiet",
        all_threads / quiet,
        f"{all_threads:.0f} of {quiet:.0f} images/s beside {cores} busy loops; at least 0.35, "
        "a fair share is 0.5",
    )
    results.add(
        "contended_over_one_thread",
        all_threads / one_thread,
        f"one thread there: {one_thread:.0f} images/s; at least 1",
    )


def threads_part(results, args, work, program):
    """The training rate of two threads divided by that of one, in turns."""
    rates = Rates(program, args.few, work / "cache")
    for student in STUDENTS:
        two, one, ratio = in_turns(
            3 if args.quick else 5,
            lambda student=student: rates.once(student, 64, 2),
            lambda student=student: rates.once(student, 64, 1),
        )
        note = f"{two:.0f} and {one:.0f} images/s at 64 px; at least 1.7"
        results.add(f"two_threads_over_one.{student}", ratio, note)
