#!/usr/bin/env python3
"""Apply and compile the example of an option: scripts/check_option.py BUILD

docs/examples/option.patch is applied to copies of the files that it touches. The sources among
them, and those that read the table of options, are then compiled with BUILD's own commands.
"""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

import tidy

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATCH = ROOT / "docs" / "examples" / "option.patch"
READERS = ("retort/run/config.cpp", "cli/run_options.cpp")
MOST_FILES = 5


def touched(patch):
    lines = patch.read_text(encoding="utf-8").splitlines()
    return [line[len("+++ b/") :] for line in lines if line.startswith("+++ b/")]


def apply(patch, root, target):
    """Copies the files that the patch touches from `root` and changes the copies. Returns their
    names, or raises an error where the patch does not apply."""
    names = touched(patch)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, target / name)
    subprocess.run(
        ["git", "apply", str(patch)],
        cwd=target,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(target.parent)},
        check=True,
    )
    return names


def commands(build):
    """The compile command of each of our sources: the folder, and the words without file and
    output."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        words = shlex.split(entry["command"])
        words = words[: words.index("-o")]
        for path in tidy.members(pathlib.Path(entry["file"])):
            if path.is_relative_to(ROOT):
                found[str(path.relative_to(ROOT))] = (entry["directory"], words)
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as scratch:
        target = pathlib.Path(scratch).resolve()
        names = apply(PATCH, ROOT, target)
        if len(names) > MOST_FILES:
            sys.exit(f"option: the example changes {len(names)} files, of {MOST_FILES} at most")
        known = commands(pathlib.Path(sys.argv[1]))
        sources = [name for name in names if name.endswith(".cpp")] + list(READERS)
        for name in sources:
            folder, words = known[name]
            # The changed headers come first in the path; all others are those of the tree.
            words[1:1] = ["-I", str(target)]
            source = target / name if (target / name).exists() else ROOT / name
            output = target / "compiled.o"
            if subprocess.run([*words, "-o", output, "-c", source], cwd=folder).returncode:
                sys.exit(f"option: {name} does not compile with the example applied")
    print(f"option: the example applies to {len(names)} files, and {len(sources)} sources compile")


if __name__ == "__main__":
    main()
