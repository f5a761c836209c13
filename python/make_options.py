"""Writes retort/_options.py, the types of the options, from the program's own table.

    python python/make_options.py            # with the package installed
    python python/make_options.py --check    # exit 1 where the file is not what it should be
"""

import sys
from pathlib import Path

from retort._library import library

KINDS = {"TEXT": "str", "INT": "int", "UINT": "int", "FLOAT": "float", "FLAG": "bool"}
# Arguments of the functions themselves.
OWN = {
    "Distill": ("distill", {"data", "teacher", "student", "out", "dry-run"}),
    "Compare": ("compare", {"data", "teacher", "student", "out", "dry-run"}),
    "Generate": ("generate", {"out"}),
    "Gate": ("gate", {"data", "teacher", "images", "out"}),
}


def type_of(kind: str, many: bool) -> str:
    one = KINDS[kind.split()[0].split(":")[0]]
    if one == "str":
        one = "str | PathLike[str]"
    return f"{one} | Sequence[str] | Mapping[str, object]" if many else one


def text() -> str:
    lines = [
        '"""Options of jobs. Written by python/make_options.py from the program\'s own table."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Mapping, Sequence",
        "from os import PathLike",
        "from typing import TypedDict",
    ]
    for name, (command, own) in OWN.items():
        lines += ["", "", f"class {name}Options(TypedDict, total=False):"]
        options = library.options_of(command)
        for option in sorted(set(options) - own):
            kind, many, _, _ = options[option]
            lines.append(f"    {option.replace('-', '_')}: {type_of(kind, many)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    place = Path(__file__).parent / "retort" / "_options.py"
    if "--check" in sys.argv:
        if place.read_text() != text():
            sys.exit(f"{place}: run python/make_options.py")
    else:
        place.write_text(text())
