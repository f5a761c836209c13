#!/usr/bin/env python3
"""What happens when a disk is full, a folder read-only, a file gone.

    faults.py --retort build/release/retort [CASE ...]

Exits with 77 where this machine does not let a case be made (mounts need root, or user
namespaces).
"""

import argparse
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from job import Place, differences, outcome

SKIPPED = 77
CLONE_NEWNS, CLONE_NEWUSER, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    0x20000,
    0x10000000,
    1,
    32,
    4096,
    16384,
    1 << 18,
)
libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    pass


def expect(good, what, seen=""):
    print(("ok    " if good else "FAIL  ") + what + ("" if good else "\n" + str(seen)), flush=True)
    if not good:
        raise AssertionError(what)


def own_mounts():
    """From here on this process may mount, and nobody else sees it."""
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS | (0 if user == 0 else CLONE_NEWUSER)) != 0:
        raise Skip("this machine lets nobody but root mount")
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    mount("none", "/", None, MS_REC | MS_PRIVATE)


def mount(source, target, kind, flags, options=None):
    coded = [
        None if word is None else str(word).encode() for word in (source, target, kind, options)
    ]
    if libc.mount(coded[0], coded[1], coded[2], flags, coded[3]) != 0:
        raise Skip("this machine does not let us mount: " + os.strerror(ctypes.get_errno()))


def small_disk(folder, kilobytes):
    folder.mkdir(parents=True, exist_ok=True)
    mount("tmpfs", folder, "tmpfs", 0, f"size={kilobytes}k")


def read_only(folder):
    mount(folder, folder, None, MS_BIND)
    mount(folder, folder, None, MS_BIND | MS_REMOUNT | MS_RDONLY)


def undisturbed(place):
    place.clean()
    done = place.run(place.taught())
    expect(done.returncode == 0, "an undisturbed run", done.stdout)
    return outcome(place.out, place.cache)


def same(place, wanted):
    found = differences(wanted, outcome(place.out, place.cache))
    expect(not found, "it ends with the bytes of an undisturbed run", "\n".join(found))


def refused(done, *parts):
    expect(done.returncode == 1, "it exits with 1", f"{done.returncode}: {done.stdout}")
    for part in parts:
        expect(part in done.stdout, f"it says '{part}'", done.stdout)


def fill(folder, leave):
    """All of a small disk but so many bytes."""
    free = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * max(free.f_bavail * free.f_frsize - leave, 0))
    return ballast


def full_disk_of_the_run(place):
    wanted = undisturbed(place)
    place.clean()
    own_mounts()
    small_disk(place.out, 100_000)
    ballast = fill(place.out, 3_000_000)  # less than a checkpoint
    refused(place.run(place.taught()), "No space left", str(place.out))
    ballast.unlink()
    done = place.run(place.taught("--resume"))
    expect(done.returncode == 0, "with room again --resume goes on", done.stdout)
    same(place, wanted)


def full_disk_of_the_cache(place):
    wanted = undisturbed(place)
    place.clean()
    own_mounts()
    small_disk(place.cache, 20_000)
    ballast = fill(place.cache, 50_000)
    refused(place.run(place.taught("--image-store", "pixels")), "No space left", str(place.cache))
    ballast.unlink()
    done = place.run(place.taught())
    expect(done.returncode == 0, "with room again the same command goes on", done.stdout)
    same(place, wanted)


def full_disk_leaves_the_finished_run(place):
    undisturbed(place)
    before = outcome(place.out)
    own_mounts()
    kept = place.folder / "kept"
    shutil.copytree(place.out, kept)
    small_disk(place.out, 100_000)
    shutil.copytree(kept, place.out, dirs_exist_ok=True)
    fill(place.out, 3_000_000)
    refused(place.run(place.taught("--force", "--seed", "1")), "No space left")
    found = [
        f
        for f in differences(before, outcome(place.out))
        if "replacement" not in f and "ballast" not in f
    ]
    expect(not found, "the finished run is as it was", found)


def read_only_cache(place):
    wanted = undisturbed(place)
    shutil.rmtree(place.out)
    own_mounts()
    read_only(place.cache)
    done = place.run(place.taught())
    expect(done.returncode == 0, "what is there is used", done.stdout)
    same(place, wanted)
    refused(
        place.run(place.taught("--view-seed", "5", out=place.folder / "other")),
        "Read-only",
        str(place.cache),
    )
    pruned = place.run([place.retort, "cache", "prune", "--max-size", "0"])
    expect("removed: 0 stores" in pruned.stdout, "nothing is pruned", pruned.stdout)


def read_only_run(place):
    wanted = undisturbed(place)
    own_mounts()
    read_only(place.out)
    done = place.run(place.taught())
    expect(
        done.returncode == 0 and "nothing is trained again" in done.stdout,
        "a finished run is shown",
        done.stdout,
    )
    refused(place.run(place.taught("--force")), "Read-only", str(place.out))
    same(place, wanted)


def begun(place, words, sign):
    process = subprocess.Popen(
        [str(word) for word in words],
        env=place.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    while not sign.exists() and process.poll() is None:
        time.sleep(0.005)
    return process


def ended(process):
    text, _ = process.communicate()
    return subprocess.CompletedProcess([], process.returncode, text)


def images_vanish(place):
    """Where views are read from the files, the file is named; where pixels are stored, nobody
    misses it."""
    place.clean()
    words = place.taught(
        "--image-store", "files", "--epochs", "200", "--views", "1", "--more-views", "live"
    )
    process = begun(place, words, place.out / "metrics.jsonl")
    for path in (place.data / "train").rglob("*.png"):
        path.unlink()
    refused(ended(process), ".png")
    place.prepare()
    process = begun(place, place.taught(), place.out / "metrics.jsonl")
    shutil.rmtree(place.data)
    done = ended(process)
    expect(done.returncode == 0, "a run whose pixels are stored ends", done.stdout)


def cache_vanishes(place):
    wanted = undisturbed(place)
    shutil.rmtree(place.out)
    process = begun(place, place.taught(), place.out / "metrics.jsonl")
    shutil.rmtree(place.cache)
    done = ended(process)
    expect(done.returncode == 0, "what is mapped stays until the run has ended", done.stdout)
    found = differences(
        {k: v for k, v in wanted.items() if k.startswith("out/")}, outcome(place.out)
    )
    expect(not found, "it ends with the bytes of an undisturbed run", found)


def run_vanishes(place):
    place.clean()
    process = begun(place, place.taught("--epochs", "6"), place.out / "metrics.jsonl")
    shutil.rmtree(place.out, ignore_errors=True)
    done = ended(process)
    expect(
        done.returncode == 1 and "retort: " in done.stdout,
        "a run whose folder is gone fails, and says so",
        done.stdout,
    )
    done = place.run(place.taught("--force", "--epochs", "6"))
    expect(done.returncode == 0, "it can be made anew there", done.stdout)


def clock_goes_back(place):
    if not place.clock:
        raise Skip("no library that sets the clock back was given (--clock)")
    wanted = undisturbed(place)
    place.clean()
    place.env["LD_PRELOAD"] = place.clock
    done = place.run(place.taught())
    expect(done.returncode == 0, "a run whose clock jumps back ends", done.stdout)
    stamps = [
        line.split(" ")[0]
        for line in (place.out / "log.txt").read_text().splitlines()
        if line[:1] == "2" or line[:1] == "1"
    ]
    expect(len(stamps) > 2 and stamps[0] > stamps[-1], "its log shows that the clock did", stamps)
    same(place, wanted)
    done = place.run([place.retort, "cache", "prune", "--older-than", "1d"])
    expect("removed: 0 stores" in done.stdout, "nothing counts as old", done.stdout)


def two_runs_on_one_store(place):
    wanted = undisturbed(place)
    first = dict(wanted)
    place.clean()
    processes = [
        begun(place, place.taught(out=place.folder / name), place.folder)
        for name in ("one", "two", "three")
    ]
    for process in processes:
        done = ended(process)
        expect(done.returncode == 0, "three runs at once on an empty cache", done.stdout)
    for name in ("one", "two", "three"):
        os.rename(place.folder / name, place.out)
        found = [
            f for f in differences(first, outcome(place.out, place.cache)) if "config.toml" not in f
        ]
        expect(not found, f"run {name} ends with the bytes of one alone", found)
        shutil.rmtree(place.out)


def two_containers(place):
    """Both are process 1 of their own."""
    if os.getuid() != 0 or shutil.which("unshare") is None:
        raise Skip("process namespaces need root, and util-linux's unshare")
    inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        raise Skip("this machine lets nobody make a process namespace")
    wanted = undisturbed(place)
    place.clean()
    processes = [
        begun(place, [*inside, *place.taught(out=place.folder / name)], place.folder)
        for name in ("one", "two")
    ]
    for process in processes:
        done = ended(process)
        expect(done.returncode == 0, "two containers on one cache", done.stdout)
    os.rename(place.folder / "two", place.out)
    found = [
        f for f in differences(wanted, outcome(place.out, place.cache)) if "config.toml" not in f
    ]
    expect(not found, "they end with the bytes of one alone", found)
    place.clean()
    shutil.rmtree(place.folder / "one")
    holder = begun(place, [*inside, *place.taught("--epochs", "500")], place.out / "metrics.jsonl")
    refused(
        place.run([*inside, *place.taught("--epochs", "500")]),
        "is in use: process 1 is at work in it",
    )
    holder.send_signal(signal.SIGKILL)
    holder.communicate()


CASES = [
    full_disk_of_the_run,
    full_disk_of_the_cache,
    full_disk_leaves_the_finished_run,
    read_only_cache,
    read_only_run,
    images_vanish,
    cache_vanishes,
    run_vanishes,
    clock_goes_back,
    two_runs_on_one_store,
    two_containers,
]


def run_case(case, retort, clock):
    """In a process of its own, whose mounts end with it."""
    child = os.fork()
    if child != 0:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    folder = Path(tempfile.mkdtemp(prefix="retort-fault-"))
    try:
        place = Place(Path(retort).resolve(), folder / "place")
        place.clock = clock and str(Path(clock).resolve())
        place.prepare()
        case(place)
        status = 0
    except Skip as reason:
        print(f"skipped: {reason}", flush=True)
        status = SKIPPED
    except BaseException as error:  # the parent must not run on in the child
        print(f"{type(error).__name__}: {error}", flush=True)
    os._exit(status)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retort", required=True)
    parser.add_argument("--clock", help="the library clock_back")
    parser.add_argument("cases", nargs="*", help="default: all")
    arguments = parser.parse_args()
    statuses = []
    for case in CASES:
        if arguments.cases and case.__name__ not in arguments.cases:
            continue
        print(f"== {case.__name__}", flush=True)
        statuses.append(run_case(case, arguments.retort, arguments.clock))
    failed = [status for status in statuses if status not in (0, SKIPPED)]
    return (
        1
        if failed or not statuses
        else SKIPPED
        if all(status == SKIPPED for status in statuses)
        else 0
    )


if __name__ == "__main__":
    sys.exit(main())
