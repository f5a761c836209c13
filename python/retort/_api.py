"""The jobs. Each runs a command of the program, with Python objects, log and Ctrl-C handling."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import nn

from retort import _data, _losses
from retort._errors import usage
from retort._library import library
from retort._log import Log
from retort._network import Adapter, Network, borrowed
from retort._options import CompareOptions, DistillOptions, GateOptions, GenerateOptions
from retort._results import Comparison, Evaluation, FittedTeacher, Gate, Prediction, Run, copy

Callback = Callable[[dict[str, Any]], object]
Model = str | os.PathLike[str] | nn.Module | Network
RunOrFolder = Run | str | os.PathLike[str]


def distill(
    data: Any,
    *,
    teacher: Model | Sequence[Model],
    out: str | os.PathLike[str],
    student: Model = "mobilenet_v2",
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    **options: Unpack[DistillOptions],
) -> Run:
    """Train a student from a teacher on images, and write the run folder `out`.

    data: an image folder or a manifest; WebDataset shards, "shards/{000..009}.tar"; or an object:
        a torchvision or Hugging Face data set, a sequence of (image, label), or a mapping from
        splits to those.
    teacher, student: as on the command line, or a torch.nn.Module, or a retort.Network of one.
    callbacks: each is called after every epoch with its metrics, as in metrics.jsonl.
    Other options are those of `retort distill`, with underscores. A finished run with the same
    settings and data is only read.

    >>> run = retort.distill("photos", teacher=teacher, student="shufflenet_v2_x0_5",
    ...                      out="runs/photos", epochs=2, image_size=32)
    >>> run.summary["classes"], run.report.exists()
    (3, True)
    >>> run.predict("photos/cross/1.png")[0].path
    'photos/cross/1.png'
    """
    call = _Call("distill", options)
    call.add_data(data)
    call.add_models(teacher, student)
    call.add("out", out)
    call.run(callbacks, progress)
    return Run(Path(out), call.student)


def compare(
    data: Any,
    *,
    out: str | os.PathLike[str],
    teacher: Model | Sequence[Model] = (),
    student: Model = "mobilenet_v2",
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    **options: Unpack[CompareOptions],
) -> Comparison:
    """Compare ways to train one student over several seeds, and run those that are missing.

    >>> compared = retort.compare("photos", teacher=teacher, student="shufflenet_v2_x0_5",
    ...                           out="runs/compare", arm=["scratch", "distill"], seeds=1,
    ...                           epochs=1, image_size=32)
    >>> [row["seeds"] for row in compared.rows]  # compared.table is a DataFrame of them
    [1, 1]
    """
    call = _Call("compare", options)
    call.add_data(data)
    call.add_models(teacher, student)
    call.add("out", out)
    call.run(callbacks, progress)
    return Comparison(Path(out))


def fit_teacher(
    data: Any,
    *,
    teacher: Model,
    progress: bool = True,
    **options: Unpack[DistillOptions],
) -> FittedTeacher:
    """Fit the linear head of the teacher, as `distill` does, without training a student.

    >>> fitted = retort.fit_teacher("photos", teacher=teacher, epochs=1)
    >>> fitted.classes
    ['circle', 'cross', 'square']
    >>> fitted.logits(fitted.val_features).shape[1]
    3
    """
    call = _Call("distill", options)
    call.add_data(data)
    call.add_models(teacher, None)
    with call.at_work(progress) as log:
        found = library.fit_teacher(call.arguments[1:], log, _in_main_thread(), call.networks)
    return FittedTeacher(**{**found, "summary": json.loads(found["summary"])})


def evaluate(
    run: RunOrFolder,
    data: Any = None,
    *,
    split: str | None = None,
    max_skipped: float | None = None,
    cache: str | None = None,
    progress: bool = True,
) -> Evaluation:
    """Measure a run's student on its test images, or on others whose classes it knows.

    >>> retort.evaluate("runs/photos", "photos", split="all").images
    48
    """
    call = _Call("eval", {"split": split, "max_skipped": max_skipped, "cache": cache, "json": True})
    call.add("run", _folder(run))
    if data is not None:
        call.add_data(data)
    return Evaluation(**json.loads(call.run((), progress)))


def predict(run: RunOrFolder, images: Any, *, top: int = 1) -> list[Prediction]:
    """Classify pictures: paths of files and folders, PIL images, or arrays.

    >>> found = retort.predict("runs/photos", ["photos/cross/1.png", "missing.png"], top=2)
    >>> len(found[0].top), found[0].label in ("circle", "cross", "square"), found[1].top
    (2, True, [])
    """
    if isinstance(images, (str, os.PathLike)) or not isinstance(images, Iterable):
        images = [images]
    with tempfile.TemporaryDirectory() as folder, Log(progress=False) as log:
        paths, objects = [], set()
        for number, image in enumerate(images):
            if isinstance(image, (str, os.PathLike)):
                paths.append(os.fspath(image))
                continue
            path = os.path.join(folder, f"{number}.png")
            _data._picture(image, f"picture {number}").save(path, compress_level=0)
            objects.add(path)
            paths.append(path)
        found = library.predict(str(_folder(run)), paths, top, log)
    return [
        Prediction(None if path in objects else path, shares, error)
        for path, shares, error in found
    ]


def generate(
    *, out: str | os.PathLike[str], progress: bool = True, **options: Unpack[GenerateOptions]
) -> Path:
    """Make training images with a generative model, and return their folder, for `extra=`.

    >>> retort.generate(out="made", classes="classes.txt", model="sd15.safetensors",
    ...                 per_class=50)  # doctest: +SKIP
    PosixPath('made')
    """
    call = _Call("generate", options)
    call.add("out", out)
    call.run((), progress)
    return Path(out)


def gate(
    images: str | os.PathLike[str],
    *,
    data: Any,
    teacher: Model,
    out: str | os.PathLike[str],
    progress: bool = True,
    **options: Unpack[GateOptions],
) -> Gate:
    """Set aside generated images that a teacher does not recognise as their class.

    >>> gate = retort.gate("made", data="photos", teacher=teacher, out="gate")  # doctest: +SKIP
    >>> gate.counts["kept"], gate.counts["other_class"]  # doctest: +SKIP
    (140, 6)
    """
    call = _Call("gate", options)
    call.add("images", images)
    call.add_data(data)
    call.add_models(teacher, None)
    call.add("out", out)
    call.run((), progress)
    counts = json.loads((Path(out) / "gate.json").read_text(encoding="utf-8"))
    return Gate(counts, Path(out) / "gate.html", Path(images) / "rejected.csv")


def export(run: RunOrFolder, path: str | os.PathLike[str]) -> Path:
    """Write a run's student as ONNX (.onnx) or as weights (.safetensors).

    >>> retort.export("runs/photos", "deploy/photos.onnx").name
    'photos.onnx'
    """
    target, own = Path(path), Run(Path(_folder(run)))
    if target.suffix == ".safetensors":
        return copy(own.weights, target)
    if target.suffix != ".onnx":
        raise usage("is of no kind that is written", str(target), "name it *.onnx or *.safetensors")
    if own.onnx.exists():  # torch's exporter may have written that of an object
        return copy(own.onnx, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    library.write_onnx(str(own.weights), str(target))
    return target


def pull(name: str, *, pth: bool = False, file: Sequence[str] = (), progress: bool = True) -> Path:
    """Download a model from the hub (hf:org/name), and return its folder.

    >>> retort.pull("hf:timm/mobilenetv3_small_100.lamb_in1k")  # doctest: +SKIP
    PosixPath('/home/me/.cache/huggingface/hub/models--timm--…/snapshots/…')
    """
    call = _Call("pull", {"pth": pth, "file": file})
    call.arguments.append(name)
    return Path(call.run((), progress).strip())


def load(folder: str | os.PathLike[str], *, student: nn.Module | Network | None = None) -> Run:
    """Open a finished run. `student` is the module that training started from, if it was an object.

    >>> retort.load("runs/photos").summary["epochs"]
    2
    """
    adapter = None if student is None else _adapter(student)
    run = Run(Path(folder), adapter)
    run.summary  # noqa: B018 - raises an error where there is none
    return run


def _folder(run: RunOrFolder) -> str:
    return os.fspath(run.folder if isinstance(run, Run) else run)


def _adapter(model: nn.Module | Network) -> Adapter:
    return Adapter(model if isinstance(model, Network) else Network(model))


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """Restores the caller's torch generator and threads, which a run seeds and sets."""
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


class _Call:
    """The arguments of a command, and the objects among them."""

    def __init__(self, command: str, options: Mapping[str, Any]) -> None:
        self.arguments = [command]
        self.networks: dict[str, Adapter] = {}
        self.student: Adapter | None = None
        self._cache = options.get("cache")
        self._known = library.options_of(command)
        self._has_image_size = bool(options.get("image_size"))
        for name, value in options.items():
            self.add(name, value)

    def add(self, name: str, value: Any) -> None:
        option = name.replace("_", "-")
        if option not in self._known:
            near = difflib.get_close_matches(option, self._known, cutoff=0.4)
            raise usage(
                "is no option",
                name,
                "near names: " + ", ".join(each.replace("-", "_") for each in near),
            )
        kind = self._known[option][0]
        if value is None or value is False or value == "":
            return
        if kind == "FLAG":
            if value is not True:
                raise usage(f"is True or False, not {value!r}", name)
            self.arguments.append(f"--{option}")
            return
        if isinstance(value, Mapping):
            value = [f"{key}={each}" for key, each in value.items()]
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if callable(each) and option in ("loss", "logit-loss"):
                each = _losses.named(each, of_logits=option == "logit-loss")
            self.arguments.append(f"--{option}={each}")

    def add_data(self, data: Any) -> None:
        self.add("data", _data.as_path(data, self._cache))

    def add_models(self, teacher: Any, student: Any) -> None:
        for each in teacher if isinstance(teacher, (list, tuple)) else [teacher]:
            self.add("teacher", self._named(each)[0])
        if student is None:
            return
        name, self.student = self._named(student)
        self.add("student", name)
        if self.student is not None and not self._has_image_size:
            self.add("image_size", self.student.network.input["size"])

    def _named(self, model: Any) -> tuple[str, Adapter | None]:
        if not isinstance(model, (nn.Module, Network)):
            return os.fspath(model), None
        adapter = _adapter(model)
        name = f"{adapter.name}-{adapter.key[:8]}"
        self.networks[name] = adapter
        return name, adapter

    @contextlib.contextmanager
    def at_work(self, progress: bool) -> Iterator[Log]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_own_settings())
            for adapter in self.networks.values():
                stack.enter_context(borrowed(adapter.module))
            yield stack.enter_context(Log(progress))

    def run(self, callbacks: Iterable[Callback], progress: bool) -> str:
        called = list(callbacks)

        def on_epoch(line: str) -> None:
            for each in called:
                each(json.loads(line))

        with self.at_work(progress) as log:
            return library.run_command(
                self.arguments, log, _in_main_thread(), self.networks, on_epoch if called else None
            )
