"""WebDataset shards."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from conftest import CLASSES, QUICK, picture
from retort._data import as_path
from test_data import rows_of

import retort


def encoded(kind: str, seed: int = 1, form: str = "png") -> bytes:
    file = io.BytesIO()
    picture(kind, seed).save(file, form)
    return file.getvalue()


def tar(path: Path, members: dict[str, bytes] | list[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Three shards of 16 samples in WebDataset's format."""
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(3):
        members = {}
        for each in range(16):
            kind = CLASSES[each % 3]
            key = f"{number}{each:05d}"
            members[f"{key}.jpg"] = encoded(kind, 16 * number + each, "jpeg")
            members[f"{key}.cls"] = str(CLASSES.index(kind)).encode()
        tar(folder / f"{number:03d}.tar", members)
    return folder


def test_they_are_named_in_four_ways(shards: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    place = as_path(f"{shards}/{{000..002}}.tar", cache)
    rows = rows_of(place)
    assert len(rows) == 48 and {row["label"] for row in rows} == {"0", "1", "2"}
    assert as_path(shards, cache) == place
    assert as_path(sorted(shards.iterdir()), cache) == place
    assert as_path([f"{shards}/{{000..001}}.tar", f"{shards}/002.tar"], cache) == place
    one = rows_of(as_path(shards / "001.tar", cache))
    assert len(one) == 16
    split = rows_of(
        as_path({"train": f"{shards}/{{000..001}}.tar", "test": shards / "002.tar"}, cache)
    )
    assert [row["split"] for row in split] == ["train"] * 32 + ["test"] * 16
    (shards / "notes.txt").write_text("no shard")
    assert as_path(shards, cache) == str(shards)  # as for any folder


def test_images_stay_the_bytes_that_they_are(shards: Path, tmp_path: Path) -> None:
    place = Path(as_path(shards, tmp_path / "cache"))
    first = place.parent / rows_of(str(place))[0]["path"]
    assert first.suffix == ".jpg" and first.read_bytes() == encoded("circle", 0, "jpeg")


def test_labels_of_all_kinds(tmp_path: Path) -> None:
    made = tar(
        tmp_path / "a.tar",
        {
            "1.png": encoded("circle"),
            "1.cls": b"circle\n",
            "2.json": json.dumps({"label": 7, "class": "other"}).encode(),
            "2.PNG": encoded("cross"),
            "3.json": json.dumps({"caption": "…", "class": "square"}).encode(),
            "3.txt": b"a caption",
            "3.webp": encoded("square", form="webp"),
            "./train/cross/4.v1.png": encoded("cross"),  # a file of another kind: `v1.png`
            "./train/cross/5.png": encoded("cross"),
            "README.md": b"# Shards",
            "meta.json": b"{}",
            "._1.png": b"of a Macintosh",
        },
    )
    labels = [row["label"] for row in rows_of(as_path(made, tmp_path))]
    assert labels == ["circle", "7", "square", "cross"]


def test_nothing_is_written_where_an_archive_says(tmp_path: Path) -> None:
    members = [("../../out.png", encoded("circle")), ("../../out.cls", b"a")]
    made = tar(tmp_path / "a.tar", [*members, ("/etc/dog/o.png", encoded("cross"))])
    with tarfile.open(made, "a") as archive:
        link = tarfile.TarInfo("b.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    place = Path(as_path(made, tmp_path / "cache"))
    assert {each.name for each in place.parent.iterdir()} == {
        "0000000.png",
        "0000001.png",
        "images.csv",
    }
    assert [row["label"] for row in rows_of(str(place))] == ["a", "dog"]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("7.png", b"")], "a.tar: 7: has no label"),
        ([("7.png", b""), ("7.cls", b" ")], "a.tar: 7: has no label"),
        ([("7.png", b""), ("7.json", b'{"label": 0.5}')], "a.tar: 7: has no label"),
        ([("7.png", b""), ("7.json", b"{")], "a.tar: 7.json: cannot be read"),
        ([("7.png", b""), ("7.cls", b"\xff")], "a.tar: 7.cls: cannot be read"),
        ([("7.cls", b"1")], "a.tar: 7: has no image"),
        ([("7.png", b""), ("7.jpg", b""), ("7.cls", b"1")], "a.tar: 7: has jpg and png"),
        ([("7.png", b""), ("7.png", b"")], "a.tar: 7.png: is there twice"),
        ([("7.png", b""), ("7.cls", b"-1")], "has the label -1"),
    ],
)
def test_what_is_wrong_is_named(
    members: list[tuple[str, bytes]], says: str, tmp_path: Path
) -> None:
    made = tar(tmp_path / "a.tar", [("1.png", encoded("cross")), ("1.cls", b"1"), *members])
    with pytest.raises(retort.UsageError, match=says):
        as_path(made, tmp_path)
    assert not list((tmp_path / "datasets").glob("*"))


def test_what_is_no_whole_tar_file_is_refused(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(retort.UsageError, match=r"004\.tar: cannot be read as a tar file"):
        as_path(f"{shards}/{{000..004}}.tar".replace("000", "004"), tmp_path)
    with pytest.raises(retort.UsageError, match="counts down"):
        as_path(f"{shards}/{{002..000}}.tar", tmp_path)
    with pytest.raises(retort.UsageError, match="data, train: .*is no tar file"):
        as_path({"train": str(tmp_path)}, tmp_path)
    path = shards / "002.tar"
    whole = path.read_bytes()
    with tarfile.open(path) as archive:
        ends = [each.offset for each in archive][1:]
    for end in (100, ends[3], ends[3] + 100, ends[3] + 600):
        path.write_bytes(whole[:end])
        with pytest.raises(retort.UsageError, match=r"002\.tar.*cannot be read as a tar file"):
            as_path(shards, tmp_path)
    broken = bytearray(whole)
    broken[ends[5] + 3] ^= 0xFF
    path.write_bytes(broken)
    with pytest.raises(retort.UsageError, match=r"002\.tar: 200002\.cls: .*it is broken"):
        as_path(shards, tmp_path)


def test_it_reads_what_webdataset_writes(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    path = tmp_path / "000.tar"
    with webdataset.TarWriter(str(path)) as writer:
        for number, kind in enumerate(CLASSES):
            writer.write({"__key__": f"{number:04d}", "png": picture(kind, 1), "cls": number})
    rows = rows_of(as_path(path, tmp_path))
    assert [row["label"] for row in rows] == ["0", "1", "2"]


def test_shards_are_distilled_on(shards: Path, tmp_path: Path) -> None:
    run = retort.distill(shards, teacher="none", out=tmp_path / "run", **QUICK)
    assert run.summary["classes"] == 3
    assert run.evaluate(shards / "000.tar", split="all").images == 16


def test_a_member_that_is_no_picture_by_its_size(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("1.png")
        member.size = 1 << 40
        archive.addfile(member)
    with pytest.raises(retort.UsageError, match=r"a\.tar: 1\.png: has 1099511627776 bytes"):
        as_path(tmp_path / "a.tar", tmp_path)
