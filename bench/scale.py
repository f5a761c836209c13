"""The time to list, hash and split a folder of a million pictures: a part of bench/run.py.

The pictures are links to a few files, in a hundred class folders. The run is stopped before it
decodes them, which depends on the size of each picture. Memory is anonymous memory, because the
system can take back memory that maps files.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

CLASSES = 100
FILES = 1000


def links(folder, images, pictures):
    if (folder.parent / f"{folder.name}.done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for number in range(CLASSES):
        inside = folder / f"class_{number:03}"
        inside.mkdir(parents=True)
        for i in range(number, images, CLASSES):
            os.symlink(pictures[i % len(pictures)], inside / f"{i:08}.jpg")
    (folder.parent / f"{folder.name}.done").touch()
    return folder


def until_listed(command, said):
    """The seconds until the line about the data set appears, and the peak anonymous memory until
    then, in MB."""
    begin, peak = time.monotonic(), 0
    with (
        open(said, "w") as out,
        subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=out
        ) as process,
    ):
        status = pathlib.Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            if found := re.search(r"RssAnon:\s*(\d+)", status.read_text()):
                peak = max(peak, int(found[1]))
            if " classes; " in said.read_text():
                taken = time.monotonic() - begin
                process.kill()
                return taken, peak / 1024
            time.sleep(0.1)
    sys.exit(f"{' '.join(map(str, command))}\n{said.read_text()}")


def scale_part(results, args, work, program, photos):
    images = args.images or (100_000 if args.quick else 1_000_000)
    folder = links(work / f"links-{images}", images, photos[:FILES])
    shutil.rmtree(work / "cache", ignore_errors=True)
    command = [program, "distill", "--data", folder, "--teacher", "none", "--dry-run"]
    command += ["--cache", work / "cache"]
    for when in ("first", "again"):  # again: the files' hashes are cached
        seconds, peak = until_listed(command, work / "stderr.txt")
        results.add(f"listed_seconds.{when}.{images}", seconds, "s until the split is there")
        results.add(f"listed_peak_mb.{when}.{images}", peak, "MB, anonymous")
