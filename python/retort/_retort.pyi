from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

version: str

class StepView:
    """The tensors of a training step that losses see; None where a step has no such tensor."""

    student_features: torch.Tensor  # [N, Ds]
    student_logits: torch.Tensor  # [N, C]
    teacher_features: torch.Tensor  # [N, Dt], without gradient
    teacher_logits: torch.Tensor  # [N, C], without gradient
    labels: torch.Tensor  # [N] int64; negative where there is none
    image_ids: torch.Tensor  # [N] int64

def register_loss(
    name: str,
    of_logits: bool,
    make: Callable[[], tuple[Any, list[tuple[str, torch.Tensor, bool]]]],
) -> None: ...
def run_command(
    arguments: Sequence[str],
    log: object,
    interruptible: bool,
    networks: Mapping[str, object],
    on_epoch: Callable[[str], object] | None,
) -> str: ...
def options_of(command: str) -> dict[str, tuple[str, bool, bool, str]]: ...
def fit_teacher(
    arguments: Sequence[str], log: object, interruptible: bool, networks: Mapping[str, object]
) -> dict[str, Any]: ...
def predict(
    run: str, paths: Sequence[str], top: int, log: object
) -> list[tuple[str, list[tuple[str, float]], str]]: ...
def write_onnx(student: str, path: str) -> None: ...
def read_student(path: str) -> tuple[str, dict[str, torch.Tensor]]: ...
def key_of(described: str, tensors: Sequence[tuple[str, torch.Tensor]]) -> str: ...
def run_program(arguments: Sequence[str], group: str = ...) -> int: ...
