#!/usr/bin/env python3
"""Run clang-tidy over the C++ sources: scripts/tidy.py BUILD [FILE...]

BUILD has a compile_commands.json. libtorch's headers take ten seconds and more to parse, and the
checks of our own code little. Files are therefore checked in batches: one translation unit includes
many. Files that are built without those headers have batches of their own. Two files of a folder
whose unnamed namespaces share a name cannot be in one batch. Where a batch does not compile, its
halves are tried.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("retort", "cli", "tests", "bench")


def members(path):
    """The files that an entry of the database compiles: those that CMake joined (UNITY_BUILD), or
    the entry itself."""
    if path.parent.name != "Unity":
        return [path]
    return [pathlib.Path(name) for name in re.findall(r'(?m)^#include "(.+)"', path.read_text())]


def read_commands(build):
    """Our sources in the compilation database, whether each is built with the precompiled header,
    and the union of their flags."""
    sources, flags = {}, {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        ours = [
            path
            for path in members(pathlib.Path(entry["file"]))
            if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in FOLDERS
        ]
        if not ours:
            continue
        sources.update({path: "cmake_pch.hxx" in entry["command"] for path in ours})
        words = iter(shlex.split(entry["command"]))
        for word in words:
            if word == "-isystem":
                flags[(word, next(words))] = None
            elif word.startswith(("-I", "-D", "-std=")):
                flags[(word,)] = None
    return sources, [word for pair in flags for word in pair]


TYPE = re.compile(r"(?m)^(?:class|struct|enum(?: class)?) (\w+)")
VALUE = re.compile(
    r"(?m)^(?!namespace |class |struct |enum )[a-z\[][^(={;\n]*[\s*&](\w+)(?:\[\w*\])?\s*[(={;]"
)
TEST = re.compile(r"(?m)^TEST\w*\((\w+, \w+)")


def names_in(text):
    return {*TYPE.findall(text), *VALUE.findall(text)}


NAMESPACE = re.compile(r"(?m)^namespace ([\w:]+) \{$")


def namespace_of(text):
    found = NAMESPACE.search(text)
    return found.group(1) if found else ""


def declared(path):
    """The names in a file's unnamed namespaces, and those of its folder's headers that it includes,
    each with its namespace."""
    text = path.read_text()
    own = set(TEST.findall(text))
    for inside in re.findall(r"(?ms)^namespace \{$(.*?)^\}  // namespace$", text):
        own |= names_in(inside)
    headers = [
        header.read_text()
        for header in path.parent.glob("*.h")
        if f"{path.parent.name}/{header.name}" in text
    ]
    seen = {(namespace_of(header), name) for header in headers for name in names_in(header)}
    return {(namespace_of(text), name) for name in own} | (
        {("", "main")} if "\nint main(" in text else set()
    ), seen


class Batch:
    largest = 9000  # lines: enough batches to keep several cores busy

    def __init__(self, common):
        self.common, self.files, self.lines, self.own, self.seen = common, [], 0, set(), set()

    def takes(self, common, lines, own, seen):
        return (
            self.common == common
            and self.lines + lines <= self.largest
            and not own & (self.own | self.seen)
            and not seen & self.own
        )

    def add(self, path, lines, own, seen):
        self.files.append(path)
        self.lines += lines
        self.own |= own
        self.seen |= seen


def batches(sources):
    found = []
    for path, common in sorted(sources.items()):
        lines, (own, seen) = path.read_text().count("\n"), declared(path)
        batch = next((batch for batch in found if batch.takes(common, lines, own, seen)), None)
        if batch is None:
            found.append(batch := Batch(common))
        batch.add(path, lines, own, seen)
    return [
        (batch.common, batch.files)
        for batch in sorted(found, key=lambda batch: batch.lines, reverse=True)
    ]


class Checker:
    def __init__(self, build, flags):
        self.scratch = build / "tidy"
        self.scratch.mkdir(exist_ok=True)
        self.common = (
            build / "CMakeFiles" / "retort_pch.dir" / "cmake_pch.hxx"
        )  # the build includes it before every file
        self.flags = ["-Wall", "-Wextra", "-Wshadow", "-Wno-deprecated-declarations", *flags]
        beside = pathlib.Path(sys.executable).parent / "clang-tidy"
        self.program = str(beside) if beside.exists() else "clang-tidy"

    def run(self, name, paths, common):
        unit = self.scratch / f"{name}.cpp"
        unit.write_text(
            "".join(f'#include "{path}"\n' for path in ([self.common] if common else []) + paths)
        )
        command = [
            self.program,
            "--quiet",
            f"--config-file={ROOT / '.clang-tidy'}",
            str(unit),
            "--",
            *self.flags,
        ]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        # Without a finding, standard error may say why clang-tidy itself failed.
        return result.returncode, result.stdout or (result.stderr if result.returncode else "")

    def check(self, name, batch):
        common, paths = batch
        code, told = self.run(name, paths, common)
        if len(paths) == 1 or "clang-diagnostic-error" not in told:
            return code, told
        half = len(paths) // 2
        results = [
            self.check(f"{name}_{i}", (common, part))
            for i, part in enumerate((paths[:half], paths[half:]))
        ]
        return max(code for code, _ in results), "".join(told for _, told in results)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    sources, flags = read_commands(build)
    if chosen := {pathlib.Path(name).resolve() for name in sys.argv[2:]}:
        sources = {path: common for path, common in sources.items() if path in chosen}
    checker = Checker(build, flags)
    failed, seen = False, set()
    with concurrent.futures.ThreadPoolExecutor(
        int(os.environ.get("JOBS") or os.cpu_count())
    ) as pool:
        for code, told in pool.map(
            lambda job: checker.check(f"batch_{job[0]}", job[1]), enumerate(batches(sources))
        ):
            failed |= code != 0
            for finding in re.split(r"(?m)^(?=/\S+:\d+:\d+: (?:error|warning):)", told):
                if finding not in seen:  # a finding in a header comes in every batch
                    seen.add(finding)
                    print(finding, end="", flush=True)
    if failed:
        sys.exit(1)
    print(f"clang-tidy: {len(sources)} files, nothing found")


if __name__ == "__main__":
    main()
