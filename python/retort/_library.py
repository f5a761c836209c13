"""The extension module. torch's libraries are those that it uses, so they are loaded first."""

import torch  # noqa: F401

from retort import _retort as library
from retort._retort import StepView

__all__ = ["StepView", "library"]
