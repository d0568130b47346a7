"""``python -m inference.distributed.worker``: a rank but 0, started by rank 0 or by torchrun."""

import argparse
import contextlib
import logging
import os
import signal
import sys
from datetime import timedelta

import torch
from torch.distributed import Store, TCPStore  # type: ignore[attr-defined]

from inference.distributed.communicator import Group
from inference.distributed.executor import follow
from inference.distributed.launch import here_key, join_torchrun, own_device
from inference.distributed.supervisor import leave_words
from inference.errors import RanksFailed
from inference.model.layout import Layout

log = logging.getLogger(__name__)


def main() -> int:
    """Follow the rank 0 that started this process. Returns the exit status."""
    arguments = _arguments()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C: rank 0 decides
    torch.set_num_threads(arguments.threads)
    layout = Layout(arguments.tensor, arguments.pipeline, arguments.rank)
    deadline = timedelta(seconds=arguments.deadline)
    store = TCPStore("127.0.0.1", arguments.port, None, False, timedelta(seconds=120))
    store.set(here_key(layout.rank), "")
    device = own_device(arguments.device, layout.rank)
    return follow_until_end(Group(layout, device, store, deadline, one_host=True), store)


def follow_torchrun(tensor: int, pipeline: int, device: str, deadline: timedelta) -> int:
    """Follow the rank 0 of torchrun's group. Returns the exit status."""
    return follow_until_end(*join_torchrun(tensor, pipeline, device, deadline))


def follow_until_end(group: Group, store: Store) -> int:
    """0 when rank 0 ended this, 1 with a word to it when something failed."""
    try:
        follow(group)
    except Exception as error:
        if not isinstance(error, RanksFailed):
            log.exception("rank %d failed", group.layout.rank)
        with contextlib.suppress(RuntimeError):  # rank 0 and its store may be gone
            leave_words(store, group.layout.rank, error)
        sys.stderr.flush()
        os._exit(1)  # at once: a broken group may wait for the dead at its orderly end
    group.close()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m inference.distributed.worker", description=__doc__
    )
    for name in ("tensor", "pipeline", "rank", "port", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--deadline", type=float, required=True)
    parser.add_argument("--device", required=True)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
