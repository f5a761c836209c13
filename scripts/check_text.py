#!/usr/bin/env python3
"""Check the length of lines: scripts/check_text.py [--columns N] [--since COMMIT] code|docs...

code: the C++ sources, scripts and CMake files. docs: the Markdown pages. With --since only lines
that were added or changed since that commit are checked. Lines that cannot be wrapped may be
longer: an #include, a row of a table, a heading, a URL, a single word, and code blocks of pages.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = {
    "code": ("*.h", "*.cpp", "*.py", "*.sh", "*.cmake", "*CMakeLists.txt", ".ci/run", "Makefile"),
    "docs": ("*.md",),
}
UNBREAKABLE = re.compile(r"^\s*(#\s*include\b|\||\S*https?://|\[[^\]]+\]: |\S+$)|NOLINT")
HEADING = re.compile(r"#+ ")  # of a page; in code this is a comment
HUNK = re.compile(r"^@@ -\S+ \+(\d+)")


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def files_of(kind):
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", *KINDS[kind])
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def long_lines(text, columns, pages):
    """The numbers and lengths of lines that are too long and could be wrapped."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if pages and line.lstrip().startswith("```"):
            fenced = not fenced
        if len(line) <= columns or fenced or UNBREAKABLE.search(line):
            continue
        if not (pages and HEADING.match(line)):
            yield number, len(line)


def changed_lines(name, since):
    """The numbers of a file's new lines; nothing where the whole file is new."""
    if git("cat-file", "-e", f"{since}:{name}").returncode:
        return None
    changed, number = set(), 0
    for line in git("diff", "--unified=0", since, "--", name).stdout.splitlines():
        if hunk := HUNK.match(line):
            number = int(hunk[1])
        elif number and line.startswith("+"):
            changed.add(number)
            number += 1
    return changed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="+", choices=sorted(KINDS))
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--since", help="a commit: only lines that are new since count")
    arguments = parser.parse_args()
    if arguments.since and git("rev-parse", "--verify", f"{arguments.since}^{{commit}}").returncode:
        parser.error(f"there is no commit {arguments.since}")
    found, files = [], 0
    for kind in arguments.kinds:
        for name in files_of(kind):
            files += 1
            text = (ROOT / name).read_text(encoding="utf-8")
            lines = list(long_lines(text, arguments.columns, kind == "docs"))
            changed = changed_lines(name, arguments.since) if lines and arguments.since else None
            for number, length in lines:
                if changed is None or number in changed:
                    found.append(f"{name}:{number}: {length} columns, of {arguments.columns}")
    if found:
        sys.exit("\n".join(found + [f"text: {len(found)} lines are too long"]))
    print(f"text: {files} files, no line is longer than {arguments.columns} columns")


if __name__ == "__main__":
    main()
