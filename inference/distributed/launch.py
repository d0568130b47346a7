"""Starting ranks.

In one host rank 0 starts the others as processes of ``inference.distributed.worker``. Over several
hosts torchrun starts all; its environment says who is who.
"""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed import Store, TCPStore, rendezvous  # type: ignore[attr-defined]

from inference.distributed.communicator import Group
from inference.distributed.supervisor import Crew
from inference.errors import LayoutError, RanksFailed
from inference.model.layout import Layout

START_SECONDS = 120.0  # importing torch takes long on a busy machine
_ROOT = Path(__file__).parents[2]


_torchrun_crew: Crew | None = None


def started_by_torchrun() -> bool:
    """Whether this process is one rank of several that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def rank_of_torchrun() -> int:
    """This process's rank; 0 too where torchrun started nothing."""
    return int(os.environ["RANK"]) if started_by_torchrun() else 0


def muster(tensor: int, pipeline: int, device: str, deadline: timedelta) -> Crew:
    """All ranks, ready to load. Raises LayoutError, RanksFailed."""
    if started_by_torchrun():
        return _torchrun(tensor, pipeline, device, deadline)
    return _start_here(Layout(tensor, pipeline), device, deadline)


def _torchrun(tensor: int, pipeline: int, device: str, deadline: timedelta) -> Crew:
    global _torchrun_crew
    if _torchrun_crew is None:
        group, store = join_torchrun(tensor, pipeline, device, deadline)
        _torchrun_crew = Crew(group, store, deadline, lasts=True)
    return _torchrun_crew


def join_torchrun(
    tensor: int, pipeline: int, device: str, deadline: timedelta
) -> tuple[Group, Store]:
    """This rank's ties, from torchrun's environment."""
    size = int(os.environ["WORLD_SIZE"])
    if tensor * pipeline != size:
        raise LayoutError(
            f"torchrun started {size} ranks, and {tensor} tensor x {pipeline} pipeline ranks "
            f"are {tensor * pipeline}"
        )
    store, rank, _ = next(rendezvous("env://"))
    layout = Layout(tensor, pipeline, rank)
    local = int(os.environ.get("LOCAL_RANK", str(rank)))
    return Group(layout, own_device(device, local), store, deadline, one_host=False), store


def _start_here(layout: Layout, device: str, deadline: timedelta) -> Crew:
    if dist.is_initialized():
        raise LayoutError("another engine of several ranks runs in this process; close it first")
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu and torch.cuda.device_count() < layout.ranks:
        raise LayoutError(
            f"{layout.ranks} ranks need as many GPUs; {torch.cuda.device_count()} are here"
        )
    before = torch.get_num_threads()
    each = before if on_gpu else max(before // layout.ranks, 1)
    store = TCPStore(
        "127.0.0.1", 0, None, True, timedelta(seconds=START_SECONDS), wait_for_workers=False
    )
    children = {
        rank: _start_child(layout, rank, device, deadline, store.port, each)
        for rank in range(1, layout.ranks)
    }
    try:
        _await(children, store)
        torch.set_num_threads(each)
        group = Group(layout, own_device(device, 0), store, deadline, one_host=True)
    except BaseException:
        torch.set_num_threads(before)
        for child in children.values():
            child.kill()
            child.wait()
        raise
    return Crew(group, store, deadline, children=children, threads=before)


def _start_child(
    layout: Layout, rank: int, device: str, deadline: timedelta, port: int, threads: int
) -> subprocess.Popen[bytes]:
    arguments = {
        "tensor": layout.tensor_size,
        "pipeline": layout.pipeline_size,
        "rank": rank,
        "device": device,
        "deadline": deadline / timedelta(seconds=1),
        "port": port,
        "threads": threads,
    }
    options = [f"--{name}={value}" for name, value in arguments.items()]
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"PYTHONPATH": path, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    return subprocess.Popen(
        [sys.executable, "-m", "inference.distributed.worker", *options],
        env={**os.environ, **own},
        stdin=subprocess.DEVNULL,
    )


def _await(children: dict[int, subprocess.Popen[bytes]], store: Store) -> None:
    """Until every child has said that it is here, or one has ended instead."""
    ends = time.monotonic() + START_SECONDS
    for rank, child in children.items():
        while not store.check([here_key(rank)]):
            if child.poll() is not None:
                raise RanksFailed(f"rank {rank} ended at its start with status {child.poll()}")
            if time.monotonic() > ends:
                raise RanksFailed(f"rank {rank} did not start within {START_SECONDS:g} s")
            time.sleep(0.01)


def own_device(device: str, local_rank: int) -> str:
    """cuda becomes the rank's own GPU."""
    return f"cuda:{local_rank}" if torch.device(device).type == "cuda" else device


def here_key(rank: int) -> str:
    """Where a rank says that it has started."""
    return f"here/{rank}"
