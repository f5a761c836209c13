"""The examples of docstrings, and those of docs/examples."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import Small

import retort

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
# They run in this order, because later ones use the files of the first.
JOBS = [
    "distill", "load", "predict", "evaluate", "export", "fit_teacher", "compare", "generate",
    "gate", "pull",
]  # fmt: skip


def test_every_job_has_an_example() -> None:
    assert set(JOBS) == {name for name in retort.__all__ if name[0].islower()}
    assert all(">>>" in getattr(retort, name).__doc__ for name in JOBS)


def test_the_examples_of_docstrings(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").symlink_to(photos)
    torch.manual_seed(0)
    known = {"retort": retort, "teacher": retort.Network(Small(), size=32)}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    finder = doctest.DocTestFinder(recurse=False)
    for name in JOBS:
        for test in finder.find(getattr(retort, name), name, globs=dict(known)):
            runner.run(test)
    assert runner.failures == 0 and runner.tries > 8, capsys.readouterr().out


def test_the_example_program(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "python_api.py", photos, tmp_path / "run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 3: loss" in done.stdout and "of 48 images" in done.stdout
    assert (tmp_path / "run" / "deploy" / "photos.onnx").exists()
