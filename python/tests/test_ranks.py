"""Several processes carry out one run, started by torchrun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def losses(out: Path) -> list[float]:
    return [json.loads(line)["train_loss"] for line in (out / "metrics.jsonl").open()]


def test_two_processes_train_as_one_does(photos: Path, tmp_path: Path) -> None:
    command = ["-m", "retort", "distill", "--data", str(photos), "--teacher", "none"]
    command += ["--student", "deit_tiny", "--image-size", "32", "--epochs", "3", "--threads", "1"]
    command += ["--precision", "fp32", "--batch-size", "8", "--cache", str(tmp_path / "cache")]
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
    alone, together = tmp_path / "alone", tmp_path / "together"
    subprocess.run([sys.executable, *command, "--out", str(alone)], check=True, env=os.environ)
    done = subprocess.run(
        [sys.executable, *torchrun, *command, "--out", str(together)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.count("report: ") == 1  # rank 0 alone speaks
    assert losses(together) == pytest.approx(losses(alone), abs=1e-4)
    assert (together / "student.onnx").exists()


def test_other_commands_are_for_one_process() -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "retort", "list", "losses"], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "distill alone is for several processes" in done.stderr


def workers(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def test_a_lost_process_is_started_again_and_goes_on(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--max-restarts", "2", "-m", "retort", "distill", "--data", str(photos)]
    command += ["--teacher", "none", "--student", "deit_tiny", "--image-size", "32", "--resume"]
    command += ["--epochs", "15", "--batch-size", "8", "--checkpoint-seconds", "1"]
    command += ["--cache", str(tmp_path / "cache"), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as job:
        checkpoint = out / "checkpoints" / "last.safetensors"
        while job.poll() is None and not checkpoint.exists():
            time.sleep(0.1)
        os.kill(workers(job.pid)[1], signal.SIGKILL)
        assert job.stderr is not None
        text = job.stderr.read().decode()
        assert job.wait() == 0, text
    assert len(losses(out)) == 15
    assert "resumed after epoch" in (out / "log.txt").read_text()
