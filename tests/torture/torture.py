#!/usr/bin/env python3
"""Kills commands at random moments, goes on with them, and compares what comes out with an
undisturbed run's.

    torture.py --retort build/release/retort --hub build/release/torture_hub \\
        --work build/torture --kills 1000

A work folder keeps what was done: the same command goes on from there. Equal seeds kill after equal
shares of a command's time."""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from job import Place, differences, digest, outcome

AGAIN = 0.3  # of the killed commands, so many are killed once more as they go on


class Distill:
    share = 30

    def __init__(self, place):
        self.place = place

    def setup(self):
        self.place.clean()

    def command(self, again):
        return self.place.taught(*(["--resume"] if again else []))

    def folders(self):
        return self.place.out, self.place.cache

    def check(self):
        """What must hold whenever it was killed."""
        return []


class Replace(Distill):
    """--force over a finished run, which stays until the new one is whole."""

    share = 15

    def setup(self):
        self.place.clean()
        finished = self.place.folder / "finished"
        if not finished.exists():
            self.place.run(self.place.distill("--teacher", "none", "--epochs", "1"))
            shutil.copytree(self.place.out, finished, ignore=shutil.ignore_patterns("teacher"))
        shutil.rmtree(self.place.out, ignore_errors=True)
        shutil.copytree(finished, self.place.out)
        self.before = outcome(self.place.out)

    def command(self, again):
        pending = (self.place.out / "replacement" / "config.toml").exists()
        begun = self.is_new()
        return self.place.taught("--resume" if again and (pending or begun) else "--force")

    def is_new(self):
        config = self.place.out / "config.toml"
        return config.exists() and digest(config) != self.before["out/config.toml"]

    def check(self):
        if (self.place.out / "replacement" / "summary.json").exists() or self.is_new():
            return []
        now = outcome(self.place.out)
        return [
            f"while replacing: {name}" for name in self.before if now.get(name) != self.before[name]
        ]


class Compare(Distill):
    share = 10

    def command(self, again):
        words = self.place.taught("--seeds", "1", "--arm", "scratch", "--arm", "distill")
        return [words[0], "compare", *words[2:]]


class Generate(Distill):
    share = 15

    def command(self, again):
        folder = self.place.folder
        tool = f"/bin/sh {folder}/tool {folder}/made/{{class}}/300.png {{out}} {{prompt}} {{seed}}"
        return [
            self.place.retort,
            "generate",
            "--classes",
            folder / "classes.txt",
            "--per-class",
            "4",
            "--engine",
            tool,
            "--out",
            folder / "synth",
        ]

    def folders(self):
        return (self.place.folder / "synth",)

    def check(self):
        """The tool ends with retort."""
        tool = str(self.place.folder / "tool")
        for _ in range(200):
            if not any(tool in words for words in command_lines()):
                return []
            time.sleep(0.01)
        return ["the --engine command outlived retort"]


def command_lines():
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield (entry / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
            except OSError:
                pass


class Gate(Distill):
    share = 20

    def setup(self):
        self.place.clean()
        (self.place.folder / "made" / "rejected.csv").unlink(missing_ok=True)

    def command(self, again):
        place = self.place
        return [
            place.retort,
            "gate",
            "--images",
            place.folder / "made",
            "--data",
            place.data,
            "--teacher",
            place.teacher,
            "--teacher-size",
            "32",
            "--threads",
            "1",
            "--out",
            place.out,
        ]

    def folders(self):
        return self.place.out, self.place.cache, self.place.folder / "made"


class Pull(Distill):
    share = 10

    def command(self, again):
        return [self.place.retort, "pull", "hf:org/name"]

    def folders(self):
        return (self.place.folder / "hub",)


COMMANDS = {
    "distill": Distill,
    "distill --force": Replace,
    "compare": Compare,
    "generate": Generate,
    "gate": Gate,
    "pull": Pull,
}


class Worker:
    """One place, with an undisturbed outcome of each command that was made in it: paths are part of
    what is written."""

    def __init__(self, retort, folder, hub):
        self.place = Place(retort, folder)
        self.place.env["HF_ENDPOINT"] = hub
        self.jobs = {name: kind(self.place) for name, kind in COMMANDS.items()}
        self.wanted, self.seconds = {}, {}

    def prepare(self, names):
        self.place.prepare()
        begun = time.monotonic()
        self.place.run([self.place.retort, "--version"])
        self.start = 0.7 * (time.monotonic() - begun)
        for name in names:
            self.jobs[name].setup()
            begun = time.monotonic()
            done = self.place.run(self.jobs[name].command(False))
            self.seconds[name] = time.monotonic() - begun
            if done.returncode != 0:
                raise SystemExit(f"undisturbed, {name} fails:\n{done.stdout}")
            self.wanted[name] = outcome(*self.jobs[name].folders())

    def kill_once(self, name, again, share):
        """True when it was killed, the text when it ended before."""
        process = subprocess.Popen(
            [str(word) for word in self.jobs[name].command(again)],
            env=self.place.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        try:
            text, _ = process.communicate(
                timeout=self.start + share * max(self.seconds[name] - self.start, 0.05)
            )
            return False, text, process.returncode
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            text, _ = process.communicate()
            return process.returncode == -signal.SIGKILL, text, process.returncode

    def trial(self, name, draw):
        """Kills, problems."""
        job = self.jobs[name]
        job.setup()
        kills, problems = 0, []
        while kills == 0 or draw.random() < AGAIN:
            killed, text, code = self.kill_once(name, kills > 0, draw.random())
            kills += killed
            if not killed and code != 0:
                problems.append(f"ended with {code}: {text[-300:]}")
                break
            problems += job.check()
            if not killed and kills == 0:
                job.setup()  # was too quick
                self.seconds[name] *= 0.97
            elif not killed:
                break
        done = self.place.run(job.command(True))
        if done.returncode != 0:
            problems.append(f"goes on with {done.returncode}: {done.stdout[-300:]}")
        return kills, problems + differences(self.wanted[name], outcome(*job.folders()))


class Torture:
    def __init__(self, arguments):
        self.arguments, self.work = arguments, Path(arguments.work).resolve()
        self.names = arguments.only or list(COMMANDS)
        self.record = self.work / f"trials-{arguments.seed}.jsonl"
        self.lock, self.next = threading.Lock(), 0
        self.done = {}

    def draw(self, number):
        return random.Random(f"{self.arguments.seed}:{number}")

    def name_of(self, draw):
        return draw.choices(self.names, [COMMANDS[name].share for name in self.names])[0]

    def kills(self):
        return sum(trial["kills"] for trial in self.done.values())

    def work_on(self, worker):
        while True:
            with self.lock:
                while self.next in self.done:
                    self.next += 1
                number = self.next
                self.next += 1
                if self.kills() >= self.arguments.kills:
                    return
            draw = self.draw(number)
            name = self.name_of(draw)
            begun = time.monotonic()
            kills, problems = worker.trial(name, draw)
            trial = {
                "trial": number,
                "command": name,
                "kills": kills,
                "problems": problems,
                "seconds": round(time.monotonic() - begun, 2),
            }
            with self.lock:
                self.done[number] = trial
                with self.record.open("a") as file:
                    file.write(json.dumps(trial) + "\n")
                if problems or len(self.done) % 20 == 0:
                    print(
                        f"{self.kills()} kills"
                        + "".join(f"\n  trial {number}, {name}: {problem}" for problem in problems),
                        flush=True,
                    )

    def run(self):
        self.work.mkdir(parents=True, exist_ok=True)
        if self.record.exists():
            for line in self.record.read_text().splitlines():
                try:
                    trial = json.loads(line)
                    self.done[trial["trial"]] = trial
                except ValueError:
                    pass  # cut as this program was killed
        hub = subprocess.Popen(
            [self.arguments.hub], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        address = hub.stdout.readline().strip()
        workers = [
            Worker(Path(self.arguments.retort).resolve(), self.work / f"place-{i}", address)
            for i in range(self.arguments.workers)
        ]
        for worker in workers:
            worker.prepare(self.names)
        threads = [threading.Thread(target=self.work_on, args=(worker,)) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        hub.stdin.close()
        hub.wait()
        return self.table(workers[0].seconds)

    def table(self, seconds):
        print(
            "\n| command | undisturbed | commands killed | kills | the same bytes | not |"
            "\n| --- | --- | --- | --- | --- | --- |"
        )
        bad = 0
        for name in self.names:
            trials = [trial for trial in self.done.values() if trial["command"] == name]
            wrong = [trial for trial in trials if trial["problems"]]
            bad += len(wrong)
            print(
                f"| {name} | {seconds[name]:.1f} s | {len(trials)} | "
                f"{sum(trial['kills'] for trial in trials)} | "
                f"{len(trials) - len(wrong)} | {len(wrong)} |"
            )
            for trial in wrong[:20]:
                print(
                    f"  trial {trial['trial']}: " + "; ".join(trial["problems"][:5]),
                    file=sys.stderr,
                )
        print(f"\n{self.kills()} kills, seed {self.arguments.seed}")
        return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--retort", required=True)
    parser.add_argument("--hub", required=True, help="the program torture_hub")
    parser.add_argument(
        "--work", required=True, help="folder for what is tortured, and for what was done"
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="commands at once, one thread each")
    parser.add_argument("--only", action="append", choices=list(COMMANDS))
    parser.add_argument("--fresh", action="store_true", help="forget what the work folder has")
    arguments = parser.parse_args()
    if arguments.fresh:
        shutil.rmtree(arguments.work, ignore_errors=True)
    return Torture(arguments).run()


if __name__ == "__main__":
    sys.exit(main())
