"""The results of jobs: a run folder, a comparison, an evaluation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retort._errors import usage

if TYPE_CHECKING:
    import torch

    from retort._network import Adapter


@dataclass(frozen=True)
class Prediction:
    """The classes of one picture with their probabilities, most likely first."""

    path: str | None  # None for a picture that was given as an object
    top: list[tuple[str, float]]
    error: str = ""  # why it could not be read; top is empty then

    @property
    def label(self) -> str:
        return self.top[0][0] if self.top else ""


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation. Accuracies are in percent."""

    split: str
    images: int
    accuracy: float
    mean_class_accuracy: float
    classes: list[dict[str, Any]]
    confusion: list[Any]
    skipped_files: list[Any]


@dataclass(frozen=True)
class FittedTeacher:
    """A teacher with a linear head for the task, and the features of the images."""

    summary: dict[str, Any]
    classes: list[str]
    weight: torch.Tensor
    bias: torch.Tensor
    train_features: torch.Tensor
    train_labels: torch.Tensor
    val_features: torch.Tensor
    val_labels: torch.Tensor

    @property
    def test_accuracy(self) -> float | None:
        return _number(self.summary, "test_accuracy")

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        return features @ self.weight.T + self.bias


@dataclass(frozen=True)
class Gate:
    """The numbers of images kept and set aside; `rejected` lists the latter, beside the images."""

    counts: dict[str, Any]
    page: Path
    rejected: Path


@dataclass
class Run:
    """A finished run in its folder."""

    folder: Path
    _adapter: Adapter | None = field(default=None, repr=False)
    _student: Any = field(default=None, repr=False, init=False)

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json: the results, the times, and the inputs of the run."""
        return _read_json(self.folder / "summary.json")

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """metrics.jsonl: the metrics of every epoch."""
        lines = (self.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    @property
    def test_accuracy(self) -> float | None:
        """In percent; None without test images."""
        return _number(self.summary["student"], "test_accuracy")

    @property
    def val_accuracy(self) -> float | None:
        return _number(self.summary["student"], "val_accuracy")

    @property
    def teacher_accuracy(self) -> float | None:
        return _number(self.summary.get("teacher") or {}, "test_accuracy")

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def onnx(self) -> Path:
        return self.folder / "student.onnx"

    @property
    def weights(self) -> Path:
        return self.folder / "student.safetensors"

    @property
    def student(self) -> Any:
        """The trained network, in evaluation mode: a torchvision or timm module, where that is
        installed, or the module that was given as the student."""
        if self._student is None:
            from retort._students import student_of

            self._student = student_of(self.weights, self._adapter)
        return self._student

    def predict(self, images: Iterable[Any], top: int = 1) -> list[Prediction]:
        from retort._api import predict

        return predict(self, images, top=top)

    def evaluate(self, data: Any = None, split: str | None = None) -> Evaluation:
        from retort._api import evaluate

        return evaluate(self, data, split=split)

    def export(self, path: str | Path) -> Path:
        from retort._api import export

        return export(self, path)

    def _repr_html_(self) -> str:
        summary = self.summary
        rows = [("teacher", summary.get("teacher")), ("student", summary["student"])]
        cells = "".join(
            f"<tr><td>{name}</td><td>{each['arch']}</td><td>{each['parameters']:,}</td>"
            f"<td>{_percent(each.get('test_accuracy'))}</td></tr>"
            for name, each in rows
            if each
        )
        head = "<tr><th></th><th>network</th><th>parameters</th><th>test accuracy</th></tr>"
        return f"<table>{head}{cells}</table>"


class Comparison:
    """A comparison of ways to train one student."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: dict[str, Any] = _read_json(folder / "compare.json")

    @property
    def report(self) -> Path:
        return self.folder / "compare.html"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each arm: its name, and the mean and deviation of its accuracy over seeds."""
        import statistics

        rows = []
        for arm in self.summary["arms"]:
            values = arm["accuracy"]
            rows.append(
                {
                    "arm": arm["name"],
                    "teacher": arm["teacher"],
                    "accuracy": statistics.fmean(values) if values else None,
                    "deviation": statistics.stdev(values) if len(values) > 1 else None,
                    "seeds": len(values),
                    "training_seconds": arm["training_seconds"],
                    "teacher_seconds": arm["teacher_seconds"],
                    "image_steps": arm["image_steps"],
                }
            )
        return rows

    @property
    def table(self) -> Any:
        """The rows as a pandas DataFrame, or as a list where pandas is not installed."""
        try:
            import pandas
        except ImportError:
            return self.rows
        return pandas.DataFrame(self.rows)

    def __repr__(self) -> str:
        return f"Comparison({str(self.folder)!r})"


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise usage(
            f"is not finished: it has no {path.name}",
            str(path.parent),
            "call it again: what was done is kept (resume=True for a run)",
        )
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _number(values: dict[str, Any], name: str) -> float | None:
    value: float | None = values.get(name)
    return value


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} %"


def copy(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target
