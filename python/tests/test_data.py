from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from conftest import CLASSES, QUICK, picture
from retort._data import as_path

import retort

IMAGE = picture("cross", 1)


def rows_of(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Pictures:
    """A data set in the style of torchvision's."""

    classes = list(CLASSES)

    def __init__(self, count: int = 30) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return picture(CLASSES[index % 3], index), index % 3


def test_paths_stay(tmp_path: Path) -> None:
    assert as_path(tmp_path, None) == str(tmp_path)


def test_objects_are_written_once(cache: Path) -> None:
    place = Path(as_path(Pictures(), None))
    assert place.is_relative_to(cache)
    written = place.stat().st_mtime_ns
    assert {row["label"] for row in rows_of(str(place))} == set(CLASSES)
    assert as_path(Pictures(), None) == str(place) and place.stat().st_mtime_ns == written
    assert as_path(Pictures(27), None) != str(place)


def test_images_of_all_kinds_are_the_same(tmp_path: Path) -> None:
    image = picture("circle", 1)
    array = numpy.asarray(image)
    tensor = torch.tensor(array).permute(2, 0, 1)
    kinds = [image, array, tensor, tensor.float() / 255]
    assert len({as_path([(each, "circle")], tmp_path) for each in kinds}) == 1


def test_splits_and_labels(tmp_path: Path) -> None:
    data = {
        "train": Pictures(12),
        "validation": Pictures(3),
        "test": [(picture("cross", 9), "cross")],
    }
    rows = rows_of(as_path(data, tmp_path))
    assert [row["split"] for row in rows] == ["train"] * 12 + ["val"] * 3 + ["test"]
    assert rows[-1]["label"] == "cross"
    plain = rows_of(as_path([(picture("cross", 9), 7)], tmp_path))
    assert plain == [{"path": "0000000.png", "label": "7"}]


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(retort.UsageError, match="(?s)entry 1: .*normalises"):
        as_path([(picture("cross", 1), 0), (torch.randn(3, 8, 8), 0)], tmp_path)
    with pytest.raises(retort.UsageError, match="float64"):
        as_path([(numpy.zeros((8, 8, 3)), 0)], tmp_path)
    with pytest.raises(retort.UsageError, match="no pair"):
        as_path([picture("cross", 1)], tmp_path)
    with pytest.raises(retort.UsageError, match="split 'dev'"):
        as_path({"dev": Pictures()}, tmp_path)
    assert not list((tmp_path / "datasets").glob(".part-*"))


def test_hugging_face(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"img": datasets.Image(), "fine": datasets.ClassLabel(names=list(CLASSES))}
    )
    made = datasets.Dataset.from_dict(
        {"img": [picture(name, 1) for name in CLASSES], "fine": [0, 1, 2]}, features=features
    )
    assert [row["label"] for row in rows_of(as_path(made, tmp_path))] == list(CLASSES)
    both = datasets.DatasetDict({"train": made, "test": made})
    assert len(rows_of(as_path(both, tmp_path))) == 6


def test_an_object_is_distilled_on(tmp_path: Path) -> None:
    run = retort.distill(Pictures(48), teacher="none", out=tmp_path / "run", **QUICK)
    assert run.summary["classes"] == 3


class Streamed:
    """An iterable data set: without a length, with rows by name."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for name in CLASSES:
            yield {"image": picture(name, 1), "label": name, "text": "…"}


def test_what_has_no_length_is_read_too(tmp_path: Path) -> None:
    assert [row["label"] for row in rows_of(as_path(Streamed(), tmp_path))] == list(CLASSES)
    with pytest.raises(retort.UsageError, match="once only"):
        as_path(iter(Streamed()), tmp_path)
    with pytest.raises(retort.UsageError, match="is no data set, but a int"):
        as_path(3, tmp_path)


def test_labels_that_are_none_are_refused(tmp_path: Path) -> None:
    for label in (-1, 3, None):
        data = Pictures(2)
        data.__class__ = type("Odd", (Pictures,), {"__getitem__": lambda *_: (IMAGE, label)})
        with pytest.raises(retort.UsageError, match=f"entry 0: has the label {label}"):
            as_path(data, tmp_path)


def test_a_subset_keeps_the_names_of_classes(tmp_path: Path) -> None:
    halves = torch.utils.data.random_split(Pictures(12), [6, 6])
    rows = rows_of(as_path({"train": halves[0], "test": halves[1]}, tmp_path))
    assert {row["label"] for row in rows} == set(CLASSES)


def test_torchvision(photos: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    rows = rows_of(as_path(datasets.ImageFolder(photos), tmp_path))
    assert len(rows) == 48 and {row["label"] for row in rows} == set(CLASSES)


def test_hugging_face_in_its_other_forms(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    columns = {"image": [picture(name, 1) for name in CLASSES], "label": list(CLASSES)}
    made = datasets.Dataset.from_dict(columns, features=features)
    place = as_path(made, tmp_path)
    assert [row["label"] for row in rows_of(place)] == list(CLASSES)
    for form in (
        made.with_format("torch"),
        made.with_format("numpy"),
        made.to_iterable_dataset(),
        made.to_iterable_dataset().map(lambda row: row),  # it no longer has features
        made.add_column("path", ["nowhere.png"] * 3).cast_column("path", datasets.Image()),
    ):
        assert as_path(form, tmp_path) == place
    unlabelled = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=list(CLASSES))}
    )
    hidden = datasets.Dataset.from_dict({**columns, "label": [-1] * 3}, features=unlabelled)
    with pytest.raises(retort.UsageError, match="label -1, of 3 classes"):
        as_path(hidden, tmp_path)
    with pytest.raises(retort.UsageError, match=r"(?s)ClassLabel.*rename_column\(…, 'label'\)"):
        as_path(made.rename_column("label", "breed"), tmp_path)
