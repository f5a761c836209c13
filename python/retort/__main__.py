"""The command `retort`, and `python -m retort`: the C++ program's own main.

Processes that torchrun or Slurm started carry out one run together (docs/cluster.md).
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    # libgomp's threads would spin for milliseconds while they wait (cli/front.cpp). It reads this
    # variable when it is loaded, with torch.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    from retort._library import library
    from retort._ranks import process_group

    with process_group() as group:
        if group and sys.argv[1:2] != ["distill"]:
            sys.exit("retort: of the commands distill alone is for several processes")
        return library.run_program(["retort", *sys.argv[1:]], group)


if __name__ == "__main__":
    sys.exit(main())
