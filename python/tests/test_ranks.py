"""Several processes carry out one run, started by torchrun."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

KILLS = int(os.environ.get("RETORT_KILLS", "1"))  # processes that the test of lost ones kills


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
    assert done.stdout.count("report: ") == 1  # only rank 0 prints
    assert losses(together) == pytest.approx(losses(alone), abs=1e-4)
    assert (together / "student.onnx").exists()


def test_other_commands_are_for_one_process() -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, "-m", "retort", "list", "losses"], check=False, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "distill alone is for several processes" in done.stderr


def workers(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def lose_one(job: subprocess.Popen[bytes], out: Path, rng: random.Random) -> None:
    """Kills one of the processes some time after there is a checkpoint."""
    while job.poll() is None and not (out / "checkpoints" / "last.safetensors").exists():
        time.sleep(0.1)
    time.sleep(rng.uniform(0, 0.2 if KILLS == 1 else 15))
    if processes := workers(job.pid):
        os.kill(rng.choice(processes), signal.SIGKILL)


def test_a_lost_process_is_started_again_and_goes_on(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    epochs = 15 * KILLS
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--max-restarts", str(KILLS + 1), "-m", "retort", "distill", "--data", str(photos)]
    command += ["--teacher", "none", "--student", "deit_tiny", "--image-size", "32", "--resume"]
    command += ["--epochs", str(epochs), "--batch-size", "8", "--checkpoint-seconds", "1"]
    command += ["--cache", str(tmp_path / "cache"), "--out", str(out)]
    rng = random.Random(0)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as job:
        for _ in range(KILLS):
            lose_one(job, out, rng)
            assert job.poll() is None, "it ended before the last kill"
        assert job.stderr is not None
        text = job.stderr.read().decode()
        assert job.wait() == 0, text
    assert len(losses(out)) == epochs
    assert "resumed after epoch" in (out / "log.txt").read_text()


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def two_machines() -> Iterator[tuple[list[str], list[str]]]:
    """The start of a command on each of two network namespaces that are connected; the first has
    the address 10.77.0.1."""
    names = [f"retort-{os.getpid()}-{i}" for i in range(2)]
    try:
        for name in names:
            run("ip", "netns", "add", name)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("network namespaces cannot be made here")
    try:
        a, b = (f"veth{os.getpid() % 10000}{i}" for i in range(2))
        join = ["ip", "link", "add", a, "netns", names[0], "type", "veth"]
        if subprocess.run([*join, "peer", b, "netns", names[1]], check=False).returncode != 0:
            pytest.skip("virtual cables cannot be made here")
        for i, (name, cable) in enumerate(zip(names, (a, b), strict=True)):
            inside = ["ip", "-n", name]
            run(*inside, "address", "add", f"10.77.0.{i + 1}/24", "dev", cable)
            run(*inside, "link", "set", cable, "up")
            run(*inside, "link", "set", "lo", "up")
        yield ["ip", "netns", "exec", names[0]], ["ip", "netns", "exec", names[1]]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def test_two_machines_meet_over_tcp(
    photos: Path, tmp_path: Path, two_machines: tuple[list[str], list[str]]
) -> None:
    out = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2"]
    torchrun += ["--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-id", "7"]
    torchrun += ["--rdzv-endpoint", "10.77.0.1:29400"]
    command = ["-m", "retort", "distill", "--data", str(photos), "--teacher", "none", "--student"]
    command += ["deit_tiny", "--image-size", "32", "--epochs", "2", "--batch-size", "8"]
    command += ["--cache", str(tmp_path / "cache"), "--out", str(out)]
    jobs = []
    for number, machine in enumerate(two_machines):
        # torchrun finds the first machine by its name, which namespaces do not have.
        address = ["--local-addr", f"10.77.0.{number + 1}"]
        address += ["--rdzv-conf", f"is_host={int(number == 0)}"]
        names = {"GLOO_SOCKET_IFNAME": f"veth{os.getpid() % 10000}{number}"}
        jobs.append(
            subprocess.Popen(
                [*machine, *torchrun, *address, *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=os.environ | names,
            )
        )
    said = [job.communicate(timeout=300)[0].decode() for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], "\n".join(said)
    assert len(losses(out)) == 2
    assert sum(text.count("report: ") for text in said) == 1
