"""Start the ranks of a model.

On one host rank 0 starts the others as processes of ``inference.distributed.worker``. Over several
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

from inference.distributed.communicator import Communicator
from inference.distributed.supervisor import Supervisor
from inference.errors import LayoutError, RanksFailed
from inference.model.layout import Layout

START_SECONDS = 120.0  # importing torch takes long on a busy machine
POLL_SECONDS = 0.2
_RANK_0_JOINS = "rank 0 joins"  # the store's key, new each time that torchrun starts its ranks
_ROOT = Path(__file__).parents[2]


# torchrun's ranks live as long as this process and serve one engine after another, so their
# supervisor is kept; ranks that an engine starts itself end with it
_torchrun_supervisor: Supervisor | None = None


def started_by_torchrun() -> bool:
    """Tell whether this process is one of several ranks that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def rank_of_torchrun() -> int:
    """Return this process's rank; 0 too where torchrun started nothing."""
    return int(os.environ["RANK"]) if started_by_torchrun() else 0


def ranks_on_this_host(ranks: int) -> int:
    """Return how many of so many ranks run here: all, unless torchrun has spread them."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", str(ranks))) if started_by_torchrun() else ranks


def start_ranks(tensor: int, pipeline: int, device: str, deadline: timedelta) -> Supervisor:
    """Start or join all ranks, ready to load a model. Raises LayoutError, RanksFailed."""
    if started_by_torchrun():
        return _join_as_rank_0(tensor, pipeline, device, deadline)
    return _start_on_this_host(Layout(tensor, pipeline), device, deadline)


def _join_as_rank_0(tensor: int, pipeline: int, device: str, deadline: timedelta) -> Supervisor:
    global _torchrun_supervisor
    if _torchrun_supervisor is None:
        communicator, store = join_torchrun(tensor, pipeline, device, deadline)
        _torchrun_supervisor = Supervisor(communicator, store, deadline, outlives_engine=True)
    return _torchrun_supervisor


def join_torchrun(
    tensor: int, pipeline: int, device: str, deadline: timedelta
) -> tuple[Communicator, Store]:
    """Connect this rank to the others, by torchrun's environment. Raises LayoutError.

    Rank 0 joins once it has a model to load, which it may have to fetch first: the others wait for
    it as long as that takes, and only then for each other within the deadline.
    """
    size = int(os.environ["WORLD_SIZE"])
    if tensor * pipeline != size:
        raise LayoutError(
            f"torchrun started {size} ranks, and {tensor} tensor x {pipeline} pipeline ranks "
            f"are {tensor * pipeline}"
        )
    store, rank, _ = next(rendezvous("env://"))
    if rank == 0:
        store.set(_RANK_0_JOINS, "")
    while not store.check([_RANK_0_JOINS]):  # raises once torchrun's store is gone
        time.sleep(POLL_SECONDS)
    layout = Layout(tensor, pipeline, rank)
    local = int(os.environ.get("LOCAL_RANK", str(rank)))
    communicator = Communicator(layout, own_device(device, local), store, deadline, one_host=False)
    return communicator, store


def _start_on_this_host(layout: Layout, device: str, deadline: timedelta) -> Supervisor:
    if dist.is_initialized():
        raise LayoutError("another engine of several ranks runs in this process; close it first")
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu and torch.cuda.device_count() < layout.ranks:
        raise LayoutError(
            f"{layout.ranks} ranks need as many GPUs; {torch.cuda.device_count()} are here"
        )
    threads = torch.get_num_threads()
    threads_per_rank = threads if on_gpu else max(threads // layout.ranks, 1)
    store = TCPStore(
        "127.0.0.1", 0, None, True, timedelta(seconds=START_SECONDS), wait_for_workers=False
    )
    processes = {
        rank: _start_process(layout, rank, device, deadline, store.port, threads_per_rank)
        for rank in range(1, layout.ranks)
    }
    try:
        _wait_until_started(processes, store)
        torch.set_num_threads(threads_per_rank)
        communicator = Communicator(layout, own_device(device, 0), store, deadline, one_host=True)
    except BaseException:
        torch.set_num_threads(threads)
        for process in processes.values():
            process.kill()
            process.wait()
        raise
    return Supervisor(communicator, store, deadline, processes=processes, threads=threads)


def _start_process(
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
    # passive: threads of several ranks that spin while they wait would take each other's cores
    own = {"PYTHONPATH": path, "OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
    return subprocess.Popen(
        [sys.executable, "-m", "inference.distributed.worker", *options],
        env={**os.environ, **own},
        stdin=subprocess.DEVNULL,
    )


def _wait_until_started(processes: dict[int, subprocess.Popen[bytes]], store: Store) -> None:
    """Wait until every process says that it runs. Raises RanksFailed if one ended or is late."""
    give_up_at = time.monotonic() + START_SECONDS
    for rank, process in processes.items():
        while not store.check([started_key(rank)]):
            if process.poll() is not None:
                raise RanksFailed(f"rank {rank} ended at its start with status {process.poll()}")
            if time.monotonic() > give_up_at:
                raise RanksFailed(f"rank {rank} did not start within {START_SECONDS:g} s")
            time.sleep(0.01)


def own_device(device: str, local_rank: int) -> str:
    """Return the device of one rank: for cuda, its own GPU."""
    return f"cuda:{local_rank}" if torch.device(device).type == "cuda" else device


def started_key(rank: int) -> str:
    """Return the store's key that a rank sets once it runs."""
    return f"started/{rank}"
