"""Distil a pre-trained teacher into a small image classifier.

    import retort, timm
    teacher = timm.create_model("vit_small_patch14_dinov2", pretrained=True, num_classes=0)
    run = retort.distill("photos/", teacher=teacher, student="mobilenet_v2", out="runs/photos")
    run.test_accuracy

`import retort` is quick: torch and the library are loaded at the first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from retort._errors import Error, Interrupted, UsageError

if TYPE_CHECKING:
    from retort._api import (
        compare,
        distill,
        evaluate,
        export,
        fit_teacher,
        gate,
        generate,
        load,
        predict,
        pull,
    )
    from retort._network import Network
    from retort._results import Comparison, Evaluation, FittedTeacher, Gate, Prediction, Run
    from retort._retort import StepView
    from retort._version import __version__

__all__ = [
    "Comparison",
    "Error",
    "Evaluation",
    "FittedTeacher",
    "Gate",
    "Interrupted",
    "Network",
    "Prediction",
    "Run",
    "StepView",
    "UsageError",
    "__version__",
    "compare",
    "distill",
    "evaluate",
    "export",
    "fit_teacher",
    "gate",
    "generate",
    "load",
    "predict",
    "pull",
]

_HOMES = {
    "Network": "retort._network",
    "__version__": "retort._version",
    "StepView": "retort._library",
    **dict.fromkeys(
        ("Comparison", "Evaluation", "FittedTeacher", "Gate", "Prediction", "Run"),
        "retort._results",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'retort' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "retort._api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
