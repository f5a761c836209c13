#!/usr/bin/env python3
"""Check how long functions, classes and files are: scripts/check_sizes.py

- A function of retort/ and cli/ has at most 60 lines, a class 200, counted from its first word to
  its closing brace. EXCEPTIONS lists those that may be longer.
- A file of retort/run/ has at most 250 lines.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUNCTION, CLASS, RUN_FILE = 60, 200, 250
# The only switch over the pickle machine's opcodes, and the only table of options.
EXCEPTIONS = {
    ("retort/weights/pickle.cpp", "step"),
    ("retort/run/options.h", "visit_options"),
}

HIDDEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:\\\n|[^\n])*",
    re.S | re.M,
)
CLASS_HEAD = re.compile(r"^(?:template\s*<.*>\s*)?(?:class|struct|union|enum)\b[^()=]*$", re.S)
NAME = re.compile(r"([~\w]+|operator\s*\S+?)\s*\(")
ASSIGNED = re.compile(r"=\s*$")
INITIALISER = re.compile(r"\)\s*:[^:].*\w\s*$", re.S)


def without_text(source):
    """The source with comments, literals and directives blanked; lines keep their numbers."""
    return HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)


def closing(text, opening):
    depth = 0
    for at in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return len(text) - 1


def blocks(text, begin, end):
    """The functions and classes between two places, each as (kind, name, first line, lines)."""
    head = at = begin
    while at < end:
        if text[at] in ";}":
            head = at + 1
        elif text[at] == ":" and re.fullmatch(r"\s*(?:public|private|protected)\s*", text[head:at]):
            head = at + 1
        elif text[at] == "{":
            words, last = text[head:at].strip(), closing(text, at)
            first = at - len(text[head:at].lstrip()) if words else at
            line = text.count("\n", 0, first) + 1
            lines = text.count("\n", first, last) + 1
            if words.count("(") > words.count(")"):  # a value among arguments
                at = last + 1
                continue
            if re.match(r"(?:inline )?namespace\b|extern\b(?!.*\()", words):
                yield from blocks(text, at + 1, last)
            elif CLASS_HEAD.match(words):
                name = (re.findall(r"\w+", words.split(":")[0]) or ["?"])[-1]
                yield "class", name, line, lines
                yield from blocks(text, at + 1, last)
            elif ASSIGNED.search(words) or INITIALISER.search(words) or "(" not in words:
                at = last + 1
                continue
            else:
                name = NAME.search(words)
                yield "function", name[1] if name else words.split("(")[0], line, lines
            at = head = last
            head += 1
        at += 1


def findings(root):
    wrong, files = [], 0
    for folder in ("retort", "cli"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            files += 1
            name, source = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
            text = without_text(source)
            lines = source.count("\n")
            if name.startswith("retort/run/") and lines > RUN_FILE:
                wrong.append(f"{name}:1: has {lines} lines; a file of retort/run has {RUN_FILE}")
            for kind, what, line, length in blocks(text, 0, len(text)):
                most = FUNCTION if kind == "function" else CLASS
                if length > most and (name, what) not in EXCEPTIONS:
                    wrong.append(f"{name}:{line}: {what} has {length} lines; a {kind} has {most}")
    return wrong, files


def main():
    wrong, files = findings(ROOT)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"sizes: {files} files, nothing found")


if __name__ == "__main__":
    main()
