"""The command behaves as the program does, with the same exit codes. RETORT_PROGRAM names it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import QUICK

MODULE = [sys.executable, "-m", "retort"]


def said(command: list[str], *arguments: str, **more: object) -> tuple[int, str, str]:
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, **more)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--version",),
        ("--help",),
        ("distill", "--help"),
        ("list", "losses"),
        ("list", "teacher"),
        ("distil",),
        ("distill", "--data", "nowhere", "--teacher", "none", "--out", "run"),
        ("distill", "--epochs", "-1"),
        ("predict", "--run", "nowhere", "a.jpg"),
    ],
)
def test_it_says_what_the_program_says(arguments: tuple[str, ...], tmp_path: Path) -> None:
    program = os.environ.get("RETORT_PROGRAM")
    if not program:
        pytest.skip("RETORT_PROGRAM names no program to compare with")
    assert said(MODULE, *arguments, cwd=tmp_path) == said([program], *arguments, cwd=tmp_path)


def test_the_command_is_installed() -> None:
    command = shutil.which("retort", path=str(Path(sys.executable).parent))
    assert command and said([command], "--version")[1].startswith("retort ")
    code, out, error = said([command], "predict")
    assert code == 2 and not out and error


def test_a_run_of_the_command(photos: Path, tmp_path: Path) -> None:
    code, out, error = said(
        MODULE, "distill", "--data", str(photos), "--teacher", "none", "--out", str(tmp_path / "r"),
        "--epochs", "1", "--image-size", "32", "--threads", "1",
    )  # fmt: skip
    assert code == 0, error
    assert "report:" in out and (tmp_path / "r" / "report.html").exists()


INTERRUPTED = """
import retort, sys
def tell(_):
    print("epoch", flush=True)
try:
    retort.distill(sys.argv[1], teacher="none", out=sys.argv[2], epochs=5000, image_size=32,
                   threads=1, progress=False, callbacks=[tell])
except KeyboardInterrupt as stopped:
    print(type(stopped).__name__, stopped.mend, flush=True)
    try:
        import time
        time.sleep(60)
    except KeyboardInterrupt:
        print("Python's own again", flush=True)
"""


def test_ctrl_c_stops_a_run_and_python_lives_on(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(photos), str(out)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "epoch\n"
        process.send_signal(signal.SIGINT)
        line = "epoch\n"
        while line == "epoch\n":
            line = process.stdout.readline()
        assert line.startswith("Interrupted") and "--resume" in line
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "Python's own again\n"
        assert process.wait() == 0
    assert (out / "checkpoints" / "last.safetensors").exists()


def test_importing_costs_little() -> None:
    """`import retort` loads no part of torch."""
    code = "import sys, retort; print('torch' in sys.modules)"
    assert said([sys.executable, "-c", code])[1] == "False\n"


def test_a_module_of_other_libraries_in_one_process(photos: Path, tmp_path: Path) -> None:
    """protobuf beside Python's onnx, and OpenVINO without one of retort's own."""
    for name in ("onnx", "openvino"):
        pytest.importorskip(name)
    import onnx
    import openvino

    import retort

    run = retort.distill(photos, teacher="none", out=tmp_path / "run", **QUICK)
    onnx.checker.check_model(onnx.load(run.onnx))
    openvino.Core().read_model(run.onnx)
