"""The extension module. torch's libraries are those that it uses, so they are loaded first."""

import torch  # noqa: F401

from retort import _retort as library

__all__ = ["library"]
