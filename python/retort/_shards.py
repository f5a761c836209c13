"""WebDataset shards: tar files whose members are samples, one file a part, side by side.

The parts of a sample share its key, which is the member's name up to the first dot of its last
component, and the rest of the name says what they are: `000017.jpg` and `000017.cls`.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retort._errors import UsageError, usage

_IMAGES = ("jpg", "jpeg", "png", "webp", "avif", "gif", "bmp", "tif", "tiff", "ppm", "pgm")
_LABELS = ("cls", "json")
_MOST_BYTES = 1 << 28  # of a member that is read; larger ones are not pictures
_NAME = re.compile(r"((?:.*/)?[^./][^.]*)\.([^/]*)", re.DOTALL)
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_LAYOUT = "a sample is an image and its label: 000017.jpg and 000017.cls"


@dataclass(frozen=True)
class Encoded:
    """An image as the bytes of its file."""

    suffix: str
    data: bytes


class Shards:
    """An iterable of (Encoded, label) of every sample, which can be read several times."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __iter__(self) -> Iterator[tuple[Encoded, int | str]]:
        for path in self.paths:
            yield from _samples(path)


def shards_of(data: Any) -> Shards | None:
    """Shards of a tar file, `name-{000..009}.tar`, a list of them, or a folder of tar files."""
    if isinstance(data, (str, os.PathLike)):
        name = os.fspath(data)
        if name.endswith(".tar"):
            return Shards([Path(each) for each in _expanded(name)])
        return _shards_in(Path(name)) if os.path.isdir(name) else None
    if isinstance(data, (list, tuple)) and data and all(_is_tar(each) for each in data):
        return Shards([Path(path) for each in data for path in _expanded(os.fspath(each))])
    return None


def _shards_in(folder: Path) -> Shards | None:
    found = []
    try:
        entries = list(folder.iterdir())
    except OSError:
        return None
    for each in entries:
        if each.name.startswith("."):
            continue
        if each.suffix != ".tar":
            return None
        found.append(each)
    return Shards(sorted(found)) if found else None


def _is_tar(data: Any) -> bool:
    return isinstance(data, (str, os.PathLike)) and os.fspath(data).endswith(".tar")


def _expanded(name: str) -> Iterator[str]:
    found = _RANGE.search(name)
    if found is None:
        yield name
        return
    first, last = found.groups()
    if int(first) > int(last):
        raise usage("counts down", name, f"write {{{last}..{first}}}")
    for number in range(int(first), int(last) + 1):
        counted = str(number).zfill(len(first))
        yield from _expanded(name[: found.start()] + counted + name[found.end() :])


def _samples(path: Path) -> Iterator[tuple[Encoded, int | str]]:
    sample, parts = "", dict[str, bytes]()
    for key, kind, data in _parts(path):
        if key != sample:
            yield from _sample(path, sample, parts)
            sample, parts = key, {}
        if kind in parts:
            raise usage("is there twice in one sample", f"{path}: {key}.{kind}", _LAYOUT)
        parts[kind] = data
    yield from _sample(path, sample, parts)


def _parts(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """(key, kind, bytes) of images and labels. Nothing is unpacked."""
    where = str(path)
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                where = f"{path}: {member.name}"
                named = _NAME.fullmatch(member.name)
                kind = named[2].lower() if named else ""
                if named is None or not member.isfile() or kind not in _IMAGES + _LABELS:
                    continue
                if member.size > _MOST_BYTES:
                    raise usage(f"has {member.size} bytes, which is no {kind}", where)
                file = archive.extractfile(member)
                assert file is not None  # because it is a file
                yield named[1], kind, file.read()
            _check_end(archive)
    except UsageError:
        raise
    except (OSError, tarfile.TarError, ValueError) as error:
        raise usage(f"cannot be read as a tar file: {error}", where, "fetch it again") from error


def _check_end(archive: tarfile.TarFile) -> None:
    """Raises where the archive does not end in a block of zeros; tarfile ends at any non-header."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it is broken, or was cut, after this member")


def _sample(path: Path, key: str, parts: dict[str, bytes]) -> Iterator[tuple[Encoded, int | str]]:
    images = [kind for kind in _IMAGES if kind in parts]
    if not parts or (not images and "cls" not in parts):
        return  # a file beside the samples, such as a description of the shard
    where = f"{path}: {key}"
    if len(images) != 1:
        raise usage(f"has {' and '.join(images) or 'no image'}", where, _LAYOUT)
    yield Encoded(f".{images[0]}", parts[images[0]]), _label(parts, key, where)


def _label(parts: dict[str, bytes], key: str, where: str) -> int | str:
    label: Any = None
    try:
        if "cls" in parts:
            label = parts["cls"].decode().strip()
            label = int(label) if re.fullmatch(r"-?\d+", label) else label
        elif "json" in parts:
            described = json.loads(parts["json"])
            if isinstance(described, dict):
                label = described.get("label", described.get("class"))
    except ValueError as error:
        kind = "cls" if "cls" in parts else "json"
        raise usage(f"cannot be read: {error}", f"{where}.{kind}") from error
    if label is None and "/" in key:
        label = key.split("/")[-2].strip(".")
    if isinstance(label, bool) or not isinstance(label, (int, str)) or label == "":
        raise usage(
            "has no label",
            where,
            "put it into 000017.cls, or as `label` or `class` into 000017.json, a number or a name",
        )
    return label
