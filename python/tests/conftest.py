"""Small pictures and networks: nothing is downloaded, and weights are random."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

CLASSES = ("circle", "cross", "square")
# The settings of the shortest run, which takes seconds.
QUICK = {"epochs": 2, "image_size": 32, "views": 2, "threads": 1, "progress": False}


def picture(kind: str, seed: int) -> Image.Image:
    chance = random.Random(f"{kind} {seed}")
    colour = tuple(chance.randrange(150, 256) for _ in range(3))
    image = Image.new("RGB", (40, 40), tuple(chance.randrange(0, 90) for _ in range(3)))
    x, y, r = chance.randrange(12, 28), chance.randrange(12, 28), chance.randrange(7, 12)
    draw = ImageDraw.Draw(image)
    if kind == "circle":
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif kind == "square":
        draw.rectangle((x - r, y - r, x + r, y + r), fill=colour)
    else:
        draw.line((x - r, y - r, x + r, y + r), fill=colour, width=4)
        draw.line((x - r, y + r, x + r, y - r), fill=colour, width=4)
    return image


class Small(nn.Module):
    """A user's own network: three convolutions and a classifier."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.fc = nn.Linear(24, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.body(images))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    for kind in CLASSES:
        (root / kind).mkdir()
        for number in range(16):
            picture(kind, number).save(root / kind / f"{number}.png")
    return root


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    patch = pytest.MonkeyPatch()
    patch.setenv("RETORT_CACHE", str(folder))
    yield folder
    patch.undo()


@pytest.fixture
def small() -> Small:
    torch.manual_seed(0)
    return Small()
