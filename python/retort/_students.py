"""A trained student as a module of the library whose parameter names it uses."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retort._errors import usage
from retort._library import library

if TYPE_CHECKING:
    import torch
    from torch import nn

    from retort._network import Adapter


def student_of(weights: Path, adapter: Adapter | None) -> nn.Module:
    text, state = library.read_student(str(weights))
    spec = json.loads(text)
    if spec["arch"].startswith("object:"):
        return _given(spec, state, adapter, weights)
    if spec["arch"] == "torchscript":
        import torch

        load: Any = torch.jit.load
        script: nn.Module = load(str(weights.parent / "student.pt"))
        return script
    problems = []
    for make in _makers(spec):
        try:
            module: nn.Module = make()
            module.load_state_dict(_shaped(state, module), strict=True)
        except (RuntimeError, TypeError, ValueError) as problem:
            problems.append(str(problem).splitlines()[0])
            continue
        return module.eval()
    raise usage(
        f"{spec['arch']} is a network of neither torchvision nor timm, as they are installed here"
        + (f" ({problems[0]})" if problems else ""),
        str(weights),
        "pip install torchvision timm",
    )


def _shaped(state: dict[str, torch.Tensor], module: nn.Module) -> dict[str, torch.Tensor]:
    """timm has some linear layers as convolutions of one pixel: [O, I] becomes [O, I, 1, 1]."""
    own = module.state_dict()
    return {
        name: tensor.reshape(own[name].shape)
        if name in own and own[name].shape == (*tensor.shape, 1, 1)
        else tensor
        for name, tensor in state.items()
    }


def _given(spec: Any, state: Any, adapter: Adapter | None, weights: Path) -> nn.Module:
    if adapter is None:
        raise usage(
            "was trained as an object of another program, and its code stands in no file",
            str(weights),
            "retort.load(run, student=…), with the module that it began as",
        )
    made = adapter.student(spec["classes"])
    made.module.load_state_dict(state, strict=False)
    missing = {name for name, _, _ in made.tensors()} ^ set(state)
    if missing:
        raise usage(f"{min(missing)} is not in both the file and the module", str(weights))
    return made.module.eval()


def _makers(spec: Any) -> Iterator[Any]:
    arch, classes, options = spec["arch"], spec["classes"], spec["options"]
    size = options.get("image_size")
    if importlib.util.find_spec("torchvision") is not None:
        from torchvision import models

        name, _, width = (
            arch.partition("_0.") if arch.startswith("mobilenet_v2_0.") else (arch, "", "")
        )
        if width:
            yield lambda: models.mobilenet_v2(num_classes=classes, width_mult=float(f"0.{width}"))
        elif arch == "mobilenet_v2_1.4":
            yield lambda: models.mobilenet_v2(num_classes=classes, width_mult=1.4)
        elif name in models.list_models():
            sized = {"image_size": size} if size and name.startswith("vit_") else {}
            yield lambda: models.get_model(name, num_classes=classes, **sized)
    if importlib.util.find_spec("timm") is None:
        return
    import timm

    for name in (arch, f"tf_{arch}", f"{arch}_patch16_224"):
        if timm.is_model(name):
            for sized in ({"img_size": size}, {}) if size else ({},):
                yield lambda name=name, sized=sized: timm.create_model(
                    name, num_classes=classes, **sized
                )
