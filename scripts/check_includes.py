#!/usr/bin/env python3
"""Check which files include which: scripts/check_includes.py

- A file of a room includes only files of that room and of those that cmake/rooms.txt lists for it.
- retort/retort.h is for programs; no room includes it.
- No file includes itself through others.
- A file of a room opens that room's namespace: retort::ROOM, or retort itself in core.
- In the list each room comes after those that it depends on.
- A file of a room that calls a function of a header includes it, directly or through others. Where
  files are compiled together, as in CI, one file would find what another includes.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = ROOT / "cmake/rooms.txt"
INCLUDE = re.compile(r'(?m)^\s*#\s*include\s+"([^"]+)"')
PUBLIC = "retort/retort.h"
NO_CODE = re.compile(r'//[^\n]*|R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"')
# Matches a function in a namespace: words at the start of a line, its name, and a bracket.
FUNCTION = re.compile(r"(?m)^[A-Za-z_][\w:<>,&* \[\]]*[ &*](\w+)\(")
CALL = re.compile(r"(?<![\w.>:])(\w+)\(")
NAMESPACE = re.compile(r"(?m)^namespace (retort\b[\w:]*) \{")
MEMBER_OR_LOCAL = re.compile(r"(?m)^ +(?:[\w:<>,&*]+ )+[&*]*(\w+) *[({=;]")


def read_rooms(text):
    """The rooms that each room may include, and the errors of the list."""
    rooms, wrong = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, above = line.partition(":")
        if not colon:
            wrong.append(f"cmake/rooms.txt:{number}: is not ROOM: ROOMS…: {line}")
            continue
        for room in above.split():
            if room not in rooms:
                where = f"cmake/rooms.txt:{number}"
                wrong.append(f"{where}: {name} depends on {room}, which does not stand above it")
        rooms[name] = set(above.split())
    return rooms, wrong


def room_of(path):
    """The room of a file; nothing for cli, tests, and the files in retort/ itself."""
    parts = pathlib.PurePosixPath(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == "retort" else None


def read_includes(root):
    """For each of our files, those of our files that it includes, each with its line."""
    found = {}
    for folder in ("retort", "cli", "tests", "bench"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp"):
                continue
            text = path.read_text(encoding="utf-8")
            found[path.relative_to(root).as_posix()] = {
                match[1]: text.count("\n", 0, match.start(1)) + 1
                for match in INCLUDE.finditer(text)
                if (root / match[1]).is_file()
            }
    return found


def forbidden(includes, rooms):
    for path, named in includes.items():
        room = room_of(path)
        if room is None:
            continue
        if room not in rooms:
            yield f"{path}:1: the room {room} does not stand in cmake/rooms.txt"
            continue
        for other, line in named.items():
            theirs = room_of(other)
            if other == PUBLIC or (theirs is None and not other.startswith("retort/")):
                yield f"{path}:{line}: includes {other}, which is not for rooms"
            elif theirs not in (None, room) and theirs not in rooms[room]:
                allowed = " ".join(sorted(rooms[room])) or "nothing"
                yield (
                    f"{path}:{line}: includes {other}; "
                    f"{room} may include {allowed} (cmake/rooms.txt)"
                )


def reached(path, includes):
    """The files that a file includes, directly or through others."""
    found, left = set(), [path]
    while left:
        for other in includes.get(left.pop(), {}):
            if other not in found:
                found.add(other)
                left.append(other)
    return found


def not_included(includes, rooms, read):
    """Calls of functions that only one header declares, in files that do not include it. `read`
    returns a file's text."""
    texts = {path: NO_CODE.sub("", read(path)) for path in includes if room_of(path) in rooms}
    declared = {}
    for path, text in texts.items():
        for name in FUNCTION.findall(text) if path.endswith(".h") else ():
            declared.setdefault(name, set()).add(path)
    headers = {name: min(paths) for name, paths in declared.items() if len(paths) == 1}
    others = {path: set(MEMBER_OR_LOCAL.findall(text)) for path, text in texts.items()}
    for path, text in texts.items():
        seen = reached(path, includes) | {path}
        own = set(FUNCTION.findall(text)).union(*(others.get(each, ()) for each in seen))
        rooms_seen = rooms[room_of(path)] | {room_of(path)}
        for name in sorted(set(CALL.findall(text)) - own):
            header = headers.get(name)
            if header and header not in seen and room_of(header) in rooms_seen:
                yield f"{path}: calls {name}() and does not include {header}"


def circles(includes):
    """Each cycle of includes once, as the files in their order."""
    done, trail = set(), []

    def visit(path):
        if path in trail:
            yield trail[trail.index(path) :] + [path]
            return
        if path in done:
            return
        trail.append(path)
        for other in includes.get(path, {}):
            yield from visit(other)
        trail.pop()
        done.add(path)

    for path in includes:
        yield from visit(path)


def other_namespaces(includes, read):
    """Files of a room that open another room's namespace. A table of words (choices.h) specialises
    a template of retort itself: what is retort's own may be opened anywhere."""
    for path in includes:
        room = room_of(path)
        if room is None:
            continue
        own = "retort" if room == "core" else f"retort::{room}"
        text = read(path)
        for match in NAMESPACE.finditer(text):
            if match[1] not in ("retort", own) and not match[1].startswith(f"{own}::"):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path}:{line}: opens {match[1]}, and the files of {room} are in {own}"


def findings(root):
    rooms, wrong = read_rooms((root / "cmake/rooms.txt").read_text(encoding="utf-8"))
    includes = read_includes(root)
    wrong += forbidden(includes, rooms)
    texts = {path: (root / path).read_text(encoding="utf-8") for path in includes}
    wrong += not_included(includes, rooms, texts.get)
    wrong += other_namespaces(includes, texts.get)
    for circle in circles(includes):
        line = includes[circle[0]][circle[1]]
        wrong.append(f"{circle[0]}:{line}: includes itself: {' > '.join(circle)}")
    return wrong, len(includes)


def main():
    wrong, files = findings(ROOT)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"includes: {files} files, nothing found")


if __name__ == "__main__":
    main()
