#!/usr/bin/env python3
"""Run clang-tidy over the C++ sources: scripts/tidy.py BUILD [FILE...]     (BUILD holds a compile_commands.json)

libtorch's headers take ten seconds to parse, and the checks on our own code next to nothing. So files are checked in batches, one translation
unit that includes one file of each folder (namespaces follow folders, so their names do not meet); files that are built without those headers have batches of
their own. Where a batch does not compile, its files are checked one by one.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("retort", "cli", "tests", "bench")


def members(path):
    """The files that an entry of the database compiles: those that CMake put together (UNITY_BUILD), or the one itself."""
    if path.parent.name != "Unity":
        return [path]
    return [pathlib.Path(name) for name in re.findall(r'(?m)^#include "(.+)"', path.read_text())]


def read_commands(build):
    """The sources of ours in the compilation database, whether each is built with the precompiled header, and the union of their flags."""
    sources, flags = {}, {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        ours = [path for path in members(pathlib.Path(entry["file"])) if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in FOLDERS]
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


def batches(sources):
    groups, position = defaultdict(list), defaultdict(int)
    for path in sorted(sources):
        folder = path.parent.relative_to(ROOT)
        kind = (folder, sources[path])
        groups[(sources[path], folder.parts[0] == "tests", position[kind])].append(path)
        position[kind] += 1
    return [(key[0], groups[key]) for key in sorted(groups, key=lambda key: (key[0], len(groups[key])), reverse=True)]


class Checker:
    def __init__(self, build, flags):
        self.scratch = build / "tidy"
        self.scratch.mkdir(exist_ok=True)
        self.common = build / "CMakeFiles" / "retort_pch.dir" / "cmake_pch.hxx"  # what the build includes before every file
        self.flags = ["-Wall", "-Wextra", "-Wshadow", "-Wno-deprecated-declarations", *flags]
        beside = pathlib.Path(sys.executable).parent / "clang-tidy"
        self.program = str(beside) if beside.exists() else "clang-tidy"

    def run(self, name, paths, common):
        unit = self.scratch / f"{name}.cpp"
        unit.write_text("".join(f'#include "{path}"\n' for path in ([self.common] if common else []) + paths))
        command = [self.program, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", str(unit), "--", *self.flags]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        # Without a finding, standard error may say why clang-tidy itself failed.
        return result.returncode, result.stdout or (result.stderr if result.returncode else "")

    def check(self, number, batch):
        common, batch = batch
        code, told = self.run(f"batch_{number}", batch, common)
        if len(batch) == 1 or "clang-diagnostic-error" not in told:
            return code, told
        results = [self.run(f"batch_{number}_{i}", [path], common) for i, path in enumerate(batch)]
        return max(code for code, _ in results), "".join(told for _, told in results)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    sources, flags = read_commands(build)
    if chosen := {pathlib.Path(name).resolve() for name in sys.argv[2:]}:
        sources = {path: common for path, common in sources.items() if path in chosen}
    checker = Checker(build, flags)
    failed, seen = False, set()
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count())) as pool:
        for code, told in pool.map(lambda job: checker.check(*job), enumerate(batches(sources))):
            failed |= code != 0
            for finding in re.split(r"(?m)^(?=/\S+:\d+:\d+: (?:error|warning):)", told):
                if finding not in seen:  # a header's is found in every batch
                    seen.add(finding)
                    print(finding, end="", flush=True)
    if failed:
        sys.exit(1)
    print(f"clang-tidy: {len(sources)} files, nothing found")


if __name__ == "__main__":
    main()
