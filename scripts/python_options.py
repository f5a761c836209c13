"""Writes retort/_options.py, the types of the options, from the program's own table.

python scripts/python_options.py            # with the package installed
python scripts/python_options.py --check    # exit 1 where the file is not what it should be
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
        '"""Options of jobs, by scripts/python_options.py from the program\'s own table."""',
        "",
        "from __future__ import annotations",
        "",
        "from collections.abc import Callable, Mapping, Sequence",
        "from os import PathLike",
        "from typing import Any, TypedDict",
        "",
        "Loss = str | Callable[..., Any] | Sequence[str | Callable[..., Any]]",
    ]
    for name, (command, own) in OWN.items():
        lines += ["", "", f"class {name}Options(TypedDict, total=False):"]
        options = library.options_of(command)
        for option in sorted(set(options) - own):
            kind, many, _, _ = options[option]
            said = "Loss" if option in ("loss", "logit-loss") else type_of(kind, many)
            lines.append(f"    {option.replace('-', '_')}: {said}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    place = Path(__file__).parents[1] / "python" / "retort" / "_options.py"
    if "--check" in sys.argv:
        if place.read_text() != text():
            sys.exit(f"{place}: run scripts/python_options.py")
    else:
        place.write_text(text())
