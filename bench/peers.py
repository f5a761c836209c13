"""retort beside what else one would distil with: a part of bench/run.py.

timm's distillation, LightlyTrain, a PyTorch loop written for speed, the paper's loop and retort
train the same student (MobileNetV2 from random weights) on the same images, for as many epochs, in
batches of the same size, at one resolution, one after another. Each is a process of its own, and
what it costs to start counts in its seconds. Accuracies by epoch are on val/; test/ is looked at
once, at the end.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

JOB = pathlib.Path(__file__).resolve().parent / "peer_job.py"
PEERS = ("retort", "timm", "lightly_train", "expert", "paper")
PACKAGES = {"timm": ["timm"], "lightly_train": ["lightly_train", "timm"]}
NOTES = {
    "timm": "timm's task and loaders, its script's loop written anew",
    "lightly_train": "its distillation, then its finetuning, each of as many epochs",
    "expert": "PyTorch: channels-last, fused AdamW, workers, bf16 where there is",
    "paper": "bench/plain_pytorch.py's distillation, without its probe",
    "retort": "retort distill, its defaults otherwise",
}


@dataclasses.dataclass
class Course:
    """What was seen of one training; seconds are since its process was started."""

    first_step: float = 0
    epochs: list = dataclasses.field(default_factory=list)  # (seconds, accuracy on val/)
    rate: float = 0  # images/s of training, the first epoch apart
    test: float | None = None
    seconds: float = 0
    resident: float = 0  # MB at the peak, with its children; pages they share count once
    anonymous: float = 0  # of these, what is mapped from no file
    images: int = 0
    training: float = 0
    more: str = ""  # what else there is to say of the rate


def family(process):
    """A process and all below it."""
    found = [process]
    for number in found:
        for children in pathlib.Path(f"/proc/{number}/task").glob("*/children"):
            try:
                found += children.read_text().split()
            except OSError:
                continue
    return found


def memory_of(process):
    """MB resident in a process and its children, and those of them that are anonymous."""
    sums = [0, 0]
    for number in family(process):
        try:
            text = pathlib.Path(f"/proc/{number}/smaps_rollup").read_text()
        except OSError:
            continue
        for i, name in enumerate(("Pss", "Pss_Anon")):
            found = re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)
            sums[i] += int(found[1]) / 1024 if found else 0
    return sums


def follow(process, course, done, glance):
    """Keeps the peaks of memory; glance() is called in the same rhythm."""
    begin = time.monotonic()
    while not done.wait(0.25):
        resident, anonymous = memory_of(process.pid)
        course.resident = max(course.resident, resident)
        course.anonymous = max(course.anonymous, anonymous)
        glance(course, time.monotonic() - begin)


def watched(command, said, stream, on_line, glance=lambda course, now: None):
    """Runs a command. The lines of its stream, stdout or stderr, go to on_line with the seconds
    since its start; the other stream goes to the file said."""
    course, done, begin = Course(), threading.Event(), time.monotonic()
    with open(said, "w") as rest:
        streams = {"stdout": rest, "stderr": rest, stream: subprocess.PIPE}
        command = [str(word) for word in command]
        with subprocess.Popen(command, text=True, **streams) as process:
            memory = threading.Thread(target=follow, args=(process, course, done, glance))
            memory.start()
            lines = []
            for line in getattr(process, stream):
                lines.append(line)
                on_line(course, time.monotonic() - begin, line)
            process.wait()
            done.set()
            memory.join()
    course.seconds = time.monotonic() - begin
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{''.join(lines)[-2000:]}{said.read_text()[-4000:]}")
    return course


def on_event(course, now, line):
    """Takes a line of bench/peer_job.py."""
    event = json.loads(line)
    if event["event"] == "first_step" and course.first_step == 0:
        course.first_step = now
    elif event["event"] == "epoch":
        course.epochs.append((now, event["val"]))
        if event["epoch"] > 0 and "images" in event:
            course.images += event["images"]
            course.training += event["seconds"]
            course.rate = course.images / course.training
    elif event["event"] == "end" and "test" in event:
        course.test = event["test"]
        if event.get("rate"):
            course.rate = event["rate"]
            course.more = f"; finetuning {event['finetuning_rate']:.0f}"


def train_peer(name, settings, work):
    shutil.rmtree(settings["out"], ignore_errors=True)
    path = work / f"{name}.json"
    path.write_text(json.dumps(settings))
    said = work / f"{name}.stderr.txt"
    return watched([sys.executable, JOB, name, path], said, "stdout", on_event)


def train_retort(settings, work, program):
    """The epochs' seconds are those at which their lines are in metrics.jsonl, looked at four times
    a second."""
    out = work / "retort"
    for folder in (out, work / "cache"):
        shutil.rmtree(folder, ignore_errors=True)
    command = [program, "distill", "--data", settings["data"], "--teacher", settings["teacher"]]
    command += ["--teacher-head", "keep", "--student", "mobilenet_v2", "--out", out]
    command += ["--image-size", settings["px"], "--teacher-size", settings["px"]]
    command += ["--batch-size", settings["batch"], "--epochs", settings["epochs"]]
    command += ["--cache", work / "cache"]

    def on_line(course, now, line):
        if line.startswith("training:") and course.first_step == 0:
            course.first_step = now

    def glance(course, now):
        if (out / "metrics.jsonl").exists():
            lines = (out / "metrics.jsonl").read_text().split("\n")[:-1]
            for line in lines[len(course.epochs) :]:
                course.epochs.append((now, json.loads(line)["val_accuracy"]))

    course = watched(command, work / "retort.stdout.txt", "stderr", on_line, glance)
    glance(course, course.seconds)
    rates = [
        json.loads(line)["images_per_second"]
        for line in (out / "metrics.jsonl").read_text().splitlines()
    ]
    last = len(rates)  # each is of all epochs so far
    course.rate = (last - 1) / (last / rates[-1] - 1 / rates[0])
    course.more = "; the teacher's forward passes come before"
    course.test = json.loads((out / "summary.json").read_text())["student"]["test_accuracy"]
    return course


def linked(source, folder, images):
    """train/, val/ and test/ of links to a data set's images: of train/ about so many, as many of
    each class. Without a val/, every eighth image of train/ is held back for it."""
    shutil.rmtree(folder, ignore_errors=True)
    classes = sorted(path.name for path in (source / "train").iterdir())
    for name in classes:
        train, val, test = (
            sorted((source / split / name).glob("*")) for split in ("train", "val", "test")
        )
        if not val:
            train, val = [path for i, path in enumerate(train) if i % 8], train[::8]
        train = train[: -(-images // len(classes))]
        for split, paths in (("train", train), ("val", val), ("test", test)):
            inside = folder / split / name
            inside.mkdir(parents=True)
            for path in paths:
                os.symlink(path.resolve(), inside / path.name)
    return folder


def report(results, key, course):
    """The rows of one training."""
    memory = f"MB with its children, {course.anonymous:.0f} of them anonymous"
    results.add(f"{key}.images_per_second", course.rate, f"images/s{course.more}")
    results.add(f"{key}.first_step_seconds", course.first_step, "s until the first step")
    results.add(f"{key}.total_seconds", course.seconds, "s in all")
    results.add(f"{key}.peak_memory_mb", course.resident, memory)
    results.add(f"{key}.test_accuracy", course.test, "%")


def compare(results, key, courses):
    """The rows that set the trainings beside each other: until when each had the accuracy on val/
    that all of them reach, and retort's rate over that of each other."""
    common = min(max(val for _, val in course.epochs) for course in courses.values())
    for name, course in courses.items():
        reached = next(seconds for seconds, val in course.epochs if val >= common)
        note = f"s until {common:.1f} % on val/"
        results.add(f"{key}.{name}.seconds_to_accuracy", reached, note)
    for name, course in courses.items():
        if name != "retort" and "retort" in courses:
            share = courses["retort"].rate / course.rate
            results.add(f"{key}.retort_over.{name}", share, "of its images/s")


def add_options(parser):
    group = parser.add_argument_group("of peers and time-to-accuracy")
    group.add_argument("--peer", action="append", choices=PEERS, help="this one (default: all)")
    group.add_argument(
        "--epochs",
        type=int,
        default=0,
        help="default: 5; with --quick 2; of time-to-accuracy: the paper's (default: 250)",
    )
    group.add_argument(
        "--teacher-weights",
        type=pathlib.Path,
        help="torchvision's state dict of the --teacher (default: random weights, which give rates "
        "and no accuracies); of time-to-accuracy: any that retort reads",
    )
    group.add_argument(
        "--compile", action="store_true", help="torch.compile for timm and the fast PyTorch loop"
    )


def is_there(name):
    missing = [word for word in PACKAGES.get(name, ()) if importlib.util.find_spec(word) is None]
    if missing:
        print(
            f"left out: {name}, as there is no {' and no '.join(missing)}; see docs/performance.md"
        )
    return not missing


def teacher_for(settings, work):
    """Makes the teacher file that all take."""
    path = work / "teacher.json"
    path.write_text(json.dumps(settings))
    done = subprocess.run(
        [sys.executable, JOB, "teacher", path], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    if seconds := json.loads(done.stdout)["seconds"]:
        print(f"the teacher's last layer was fitted to the data's classes in {seconds:.0f} s")


def settings_for(args, teacher, work, photos):
    """What bench/peer_job.py reads."""
    settings = {
        "data": str(linked(photos, work / "data", 512 if args.quick else 10**9)),
        "teacher": str(work / f"{teacher}.pth"),
        "weights": args.teacher_weights and str(args.teacher_weights.resolve()),
        "arch": teacher,
        "px": 64 if args.quick else 224,
        "batch": 64,
        "epochs": args.epochs or (2 if args.quick else 5),
        "workers": len(os.sched_getaffinity(0)),
        "compile": args.compile,
        "out": str(work / "out"),
    }
    if len(list((work / "data").glob("train/*/*"))) < 3 * settings["batch"]:
        sys.exit(f"peers needs three batches of {settings['batch']} images in {photos}/train")
    if settings["epochs"] < 2:
        sys.exit("peers needs two epochs, as the first does not count in the rates")
    return settings


def peers_part(results, args, work, program, photos, teachers):
    if args.teacher_weights and len(teachers) != 1:
        sys.exit("--teacher-weights needs one --teacher, whose weights they are")
    work = work / "peers"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for teacher in teachers:
        settings = settings_for(args, teacher, work, photos)
        teacher_for(settings, work)
        courses = {}
        for name in filter(is_there, args.peer or PEERS):
            print(f"{teacher}, {name}: {NOTES[name]}", flush=True)
            if name == "retort":
                courses[name] = train_retort(settings, work, program)
            else:
                courses[name] = train_peer(name, settings, work)
            report(results, f"peers.{teacher}.{name}", courses[name])
        if courses:
            compare(results, f"peers.{teacher}", courses)
    if args.teacher_weights is None:
        print("the accuracies are of students whose teacher has random weights")
