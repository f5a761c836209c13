"""The extension module. It uses torch's libraries, so that torch is imported first."""

import torch  # noqa: F401

from retort import _retort as library
from retort._retort import StepView

__all__ = ["StepView", "library"]
