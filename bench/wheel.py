"""The cost of the Python package and of its ranks compared with the program: parts of bench/run.py.

Both train the student that the program trains, on the same images, and their rates are those of the
second epoch, as metrics.jsonl has them. They run in turns, and the median of the ratios counts.
"""

import functools
import json
import os
import shutil
import statistics
import subprocess
import sys

EPOCHS = 2
BINDING = """
import json, sys, retort
options = json.loads(sys.argv[1])
retort.distill(options.pop("data"), **options)
"""


def options(data, out, cache, images):
    return {
        "data": str(data),
        "teacher": "none",
        "student": "mobilenet_v2",
        "image-size": images,
        "batch-size": 64,
        "precision": "fp32",
        "epochs": EPOCHS,
        "cache": str(cache),
        "out": str(out),
    }


def words(chosen):
    return [word for name, value in chosen.items() for word in (f"--{name}", str(value))]


def second_epoch(out):
    """The images/s of the second epoch alone, from the rates of the first and of both together."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    first, both = (line["images_per_second"] for line in lines)
    return 1 / (2 / both - 1 / first)


def rate_of(command, out, threads):
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return second_epoch(out)


def has_package(python):
    done = subprocess.run([python, "-c", "import retort"], capture_output=True, check=False)
    if done.returncode != 0:
        print(
            f"left out: {python} has no retort; make wheel, then {python} -m pip install "
            "build/wheel/*.whl, or name another Python with --python"
        )
    return done.returncode == 0


def in_turns(rounds, one, other):
    """The medians of both rates, and of the ratio of one to the other."""
    pairs = []
    for turn in range(rounds):
        first, second = (one, other) if turn % 2 == 0 else (other, one)
        rates = {first: first(), second: second()}
        pairs.append((rates[one], rates[other]))
    ones, others = zip(*pairs)
    return (
        statistics.median(ones),
        statistics.median(others),
        statistics.median(a / b for a, b in pairs),
    )


def binding_part(results, args, work, program):
    """Training from Python compared with the program."""
    if not has_package(args.python):
        return
    for size in (64,) if args.quick else (64, 224):
        chosen = options(args.data, work / "run", work / "cache", size)
        keywords = {name.replace("-", "_"): value for name, value in chosen.items()}
        python = [args.python, "-c", BINDING, json.dumps(keywords)]
        threads = len(os.sched_getaffinity(0))
        through, alone, share = in_turns(
            3 if args.quick else 5,
            functools.partial(rate_of, python, work / "run", threads),
            functools.partial(rate_of, [program, "distill", *words(chosen)], work / "run", threads),
        )
        results.add(
            f"binding_over_program.{size}px",
            share,
            f"{through:.0f} of {alone:.0f} images/s; at least 0.97",
        )


def ranks_part(results, args, work, program):
    """Two processes of one thread each compared with one process of two threads."""
    if not has_package(args.python):
        return
    for size in (64,) if args.quick else (64, 224):
        chosen = words(options(args.data, work / "run", work / "cache", size))
        job = ["retort", "distill", *chosen]
        torchrun = [args.python, "-m", "torch.distributed.run", "--nproc-per-node", 2]
        several, one, share = in_turns(
            3 if args.quick else 5,
            functools.partial(rate_of, [*torchrun, "-m", *job], work / "run", 1),
            functools.partial(rate_of, [program, *job[1:], "--threads", 2], work / "run", 2),
        )
        results.add(
            f"two_ranks_over_two_threads.{size}px",
            share,
            f"{several:.0f} of {one:.0f} images/s; at least 0.85",
        )
