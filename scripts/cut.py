#!/usr/bin/env python3
"""Cut a data set to a few training images a class: scripts/cut.py DATA OUT N

DATA has train/ and test/, one folder a class. OUT gets N training images of each class, the first
by the SHA-256 of their names, and the whole of test; OUT-rest gets the other training images,
without their classes, as a pile for --extra. All are links.
"""

import hashlib
import pathlib
import sys


def digest(path):
    return hashlib.sha256(path.name.encode()).hexdigest()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    data, out, count = (
        pathlib.Path(sys.argv[1]).resolve(),
        pathlib.Path(sys.argv[2]),
        int(sys.argv[3]),
    )
    rest = out.with_name(out.name + "-rest")
    rest.mkdir(parents=True)
    for folder in sorted((data / "train").iterdir()):
        kept = out / "train" / folder.name
        kept.mkdir(parents=True)
        for i, image in enumerate(sorted(folder.iterdir(), key=digest)):
            (
                kept / image.name if i < count else rest / (digest(image)[:12] + image.suffix)
            ).symlink_to(image)
    (out / "test").symlink_to(data / "test")


if __name__ == "__main__":
    main()
