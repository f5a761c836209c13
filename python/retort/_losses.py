"""Losses that are Python functions of a StepView."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from retort._library import library
from retort._network import state_of


def named(function: Callable[..., Any], of_logits: bool) -> str:
    """Registers the function as a loss, and returns its name, a hash of its code and state."""
    label = re.sub(r"\W+", "_", getattr(function, "__name__", type(function).__name__))
    code = [label]
    source = type(function) if isinstance(function, nn.Module) else function
    with contextlib.suppress(OSError, TypeError):
        code.append(inspect.getsource(source))
    if (compiled := getattr(function, "__code__", None)) is not None:
        code.append(compiled.co_code.hex() + repr(compiled.co_consts))
    digest = hashlib.sha256("\0".join(code).encode()).hexdigest()
    state = [(name, tensor) for name, tensor, _ in _state(function)]
    key = library.key_of(digest + str(of_logits), state)
    name = f"object_{label.strip('_')}_{key[:8]}"

    def make() -> tuple[Any, list[tuple[str, torch.Tensor, bool]]]:
        own = copy.deepcopy(function) if isinstance(function, nn.Module) else function
        return own, _state(own)

    library.register_loss(name, of_logits, make)
    return name


def _state(function: Any) -> list[tuple[str, torch.Tensor, bool]]:
    return state_of(function) if isinstance(function, nn.Module) else []
