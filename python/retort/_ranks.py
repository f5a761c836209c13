"""The processes that carry out one run together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

# Slurm's names of the variables that torchrun sets.
SLURM = {"RANK": "SLURM_PROCID", "WORLD_SIZE": "SLURM_NTASKS", "LOCAL_RANK": "SLURM_LOCALID"}


def _take_slurms() -> None:
    if "SLURM_PROCID" not in os.environ or "MASTER_ADDR" not in os.environ:
        return  # one process, or a shell that Slurm started
    for name, theirs in SLURM.items():
        if theirs in os.environ:
            os.environ.setdefault(name, os.environ[theirs])
    os.environ.setdefault("MASTER_PORT", "29500")


@contextlib.contextmanager
def process_group() -> Iterator[str]:
    """Joins the process group of the environment, and gives its C++ name; "" for one process."""
    _take_slurms()
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ""
        return
    import torch
    import torch.distributed as dist

    on_gpus = torch.cuda.is_available()
    if on_gpus:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    # torchrun may keep one store across restarts, with the addresses of processes that are gone.
    store, rank, size = next(dist.rendezvous("env://"))
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if on_gpus else "gloo",
        store=dist.PrefixStore(f"restart-{restarts}", store),
        rank=rank,
        world_size=size,
    )
    try:
        yield dist.group.WORLD.group_name
    finally:
        dist.destroy_process_group()
