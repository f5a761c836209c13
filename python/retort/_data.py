"""Data sets that are Python objects or shards, written once as files into the cache."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retort._errors import usage
from retort._shards import Encoded, shards_of

_SPLITS = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


def as_path(data: Any, cache: str | os.PathLike[str] | None) -> str:
    """The path itself, or the manifest of a copy of the object, named by a hash of its content."""
    shards = shards_of(data)
    if shards is None and isinstance(data, (str, os.PathLike)):
        return os.fspath(data)
    splits = _splits_of(shards or data)
    folder = Path(_cache(cache)) / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / _key_of(splits)
    if not place.exists():
        _write(splits, folder, place)
    return str(place / "images.csv")


def _cache(cache: str | os.PathLike[str] | None) -> str:
    """The cache folder, as retort::default_cache_dir chooses it."""
    if cache:
        return os.fspath(cache)
    if named := os.environ.get("RETORT_CACHE"):
        return named
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "retort")


def _splits_of(data: Any) -> dict[str, Any]:
    """The data by the names of splits; "" for data that retort splits."""
    if not isinstance(data, Mapping):
        return {"": data}
    unknown = [name for name in data if name not in _SPLITS]
    if unknown:
        raise usage(
            f"has a split {unknown[0]!r}", "data", f"name them like these: {', '.join(_SPLITS)}"
        )
    return {_SPLITS[name]: _part_of(each, name) for name, each in data.items()}


def _part_of(data: Any, name: str) -> Any:
    shards = shards_of(data)
    if shards is None and isinstance(data, (str, os.PathLike)):
        raise usage(
            "is no tar file, nor a folder of those",
            f"data, {name}: {os.fspath(data)}",
            "of folders, give the one that train/, val/ and test/ lie in",
        )
    return shards or data


def _names_of(data: Any) -> Any:
    """The class names by label, where the object has them."""
    features = getattr(data, "features", None)
    if isinstance(features, Mapping):
        return getattr(features[_column(data, "ClassLabel", "label")], "names", None)
    names = getattr(data, "classes", None)
    if names is None and hasattr(data, "dataset"):  # torch's Subset
        return _names_of(data.dataset)
    return names if isinstance(names, (list, tuple)) else None


def _column(data: Any, kind: str, usual: str) -> str:
    """The column of a Hugging Face data set with this type, or else with this name."""
    for name, feature in data.features.items():
        if type(feature).__name__ == kind:
            return str(name)
    if usual in data.features:
        return usual
    raise usage(
        f"has no column of type {kind}: {', '.join(data.features)}",
        "data",
        f"rename the one that is meant: data.rename_column(…, {usual!r})",
    )


def _pairs(data: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(getattr(data, "features", None), Mapping):
        image, label = _column(data, "Image", "image"), _column(data, "ClassLabel", "label")
        for row in data.select_columns([image, label]):
            yield row[image], row[label]
        return
    for index, entry in enumerate(_entries(data)):
        try:
            image, label = (entry["image"], entry["label"]) if isinstance(entry, Mapping) else entry
        except (TypeError, ValueError, KeyError):
            raise usage(f"its entry {index} is no pair of an image and a label", "data") from None
        yield image, label


def _streams(data: Any) -> bool:
    from torch.utils.data import IterableDataset

    return isinstance(data, IterableDataset)


def _entries(data: Any) -> Iterator[Any]:
    # torch's IterableDataset inherits a __getitem__ that raises.
    indexed = hasattr(data, "__getitem__") and hasattr(data, "__len__")
    if indexed and not _streams(data):
        return (data[index] for index in range(len(data)))
    try:
        entries: Iterator[Any] = iter(data)
    except TypeError:
        raise usage(f"is no data set, but a {type(data).__name__}", "data") from None
    if entries is data:  # it is read twice: for the key, and to be written
        raise usage("can be read once only", "data", "give list(data), or what it is made from")
    return entries


def _class_of(label: Any, names: Any, where: str) -> str:
    if isinstance(label, str):
        return label
    try:
        number = int(label)
    except (TypeError, ValueError):
        raise usage(f"has the label {label!r}", where, "a number or a name") from None
    if number < 0 or (names and number >= len(names)):
        raise usage(
            f"has the label {number}" + (f", of {len(names)} classes" if names else ""),
            where,
            "leave out what has no label; extra= takes images without",
        )
    return str(names[number]) if names else str(number)


def _items(splits: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(split, class, picture) of every image."""
    for split, data in splits.items():
        names = _names_of(data)
        for number, (image, label) in enumerate(_pairs(data)):
            where = f"data, {split or 'entry'} {number}"
            picture = image if isinstance(image, Encoded) else _picture(image, where)
            yield split, _class_of(label, names, where), picture


def _picture(image: Any, where: str) -> Any:
    """A PIL image in RGB. Arrays are uint8 [h, w] or [h, w, 3], tensors [3, h, w] in [0, 1]."""
    import numpy
    from PIL import Image

    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if hasattr(image, "detach"):
        image = image.detach().cpu()
        if image.dim() == 3 and image.shape[0] in (1, 3):
            image = image.permute(1, 2, 0)
        if image.is_floating_point():
            if image.min() < 0 or image.max() > 1:
                raise usage(
                    "is a tensor with values outside [0, 1]",
                    where,
                    "give images as they are, without a transform that normalises them",
                )
            image = (image * 255).round().byte()
        image = image.numpy()
    array = numpy.asarray(image)
    if array.dtype != numpy.uint8 or array.ndim not in (2, 3):
        raise usage(
            f"is no image, but {array.dtype} {list(array.shape)}",
            where,
            "a PIL image, an array of bytes [h, w, 3], or a tensor [3, h, w] in [0, 1]",
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return Image.fromarray(array).convert("RGB")


def _key_of(splits: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for split, label, picture in _items(splits):
        encoded = isinstance(picture, Encoded)
        kind = picture.suffix if encoded else picture.size
        data = picture.data if encoded else picture.tobytes()
        digest.update(f"{split}\0{label}\0{kind}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:32]


def _write(splits: dict[str, Any], folder: Path, place: Path) -> None:
    """Writes to a temporary folder, which is renamed once it is complete."""
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".part-"))
    try:
        with open(temporary / "images.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            divided = set(splits) != {""}
            table.writerow(["path", "label", "split"] if divided else ["path", "label"])
            for number, (split, label, picture) in enumerate(_items(splits)):
                encoded = isinstance(picture, Encoded)
                name = f"{number:07d}{picture.suffix if encoded else '.png'}"
                if encoded:
                    (temporary / name).write_bytes(picture.data)
                else:
                    picture.save(temporary / name, compress_level=1)
                table.writerow([name, label, split] if divided else [name, label])
        try:
            temporary.rename(place)
        except OSError:
            if not place.exists():  # otherwise another process was first
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
