"""Say who this process is among the ranks of a training, and agree with the others.

torchrun starts the ranks; without it there is one, and nothing here imports torch.distributed's
larger parts.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed as dist
from torch.distributed import PrefixStore, rendezvous  # type: ignore[attr-defined]

from inference.errors import TrainError

NAMES = ("data", "tensor")  # the dimensions of the ranks' mesh
WAIT_SECONDS = 600.0
MAPPED_BYTES = 2**17  # on CPUs a larger tensor gets pages of its own
_MMAP_THRESHOLD = -3  # glibc's M_MMAP_THRESHOLD
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ranks:
    """The ranks of a training and this one's place: data ranks times tensor ranks.

    Tensor ranks share each layer and see the same sequences; data ranks see different ones. mesh:
    torch's DeviceMesh of both, or None for a single rank.
    """

    rank: int = 0
    size: int = 1
    tensor_size: int = 1
    device: str = "cpu"
    mesh: Any = None

    @property
    def is_first(self) -> bool:
        """Tell whether this is the rank that writes files and speaks."""
        return self.rank == 0

    @property
    def data_size(self) -> int:
        """Number of ranks that see different sequences."""
        return self.size // self.tensor_size

    @property
    def data_rank(self) -> int:
        """Number of this rank's share of the sequences."""
        return self.rank // self.tensor_size

    def sums(self, values: torch.Tensor) -> list[float]:
        """Return the sums of values over all ranks."""
        if self.size > 1:
            dist.all_reduce(values)
        return [float(value) for value in values.tolist()]

    def largest(self, value: torch.Tensor) -> float:
        """Return the largest of all ranks' values [1]."""
        if self.size > 1:
            dist.all_reduce(value, dist.ReduceOp.MAX)
        return float(value)

    def agreed(self, work: Callable[[], Result]) -> Result:
        """Let rank 0 do something, and return its result on every rank, or fail on every rank.

        The other ranks raise FirstFailed: rank 0 alone says why.
        """
        if self.size == 1:
            return work()
        outcome: list[Any] = [None, None]
        error: BaseException | None = None
        if self.is_first:
            try:
                outcome[0] = work()
            except BaseException as failure:  # noqa: BLE001 - raised again once all ranks know
                error = failure
                outcome[1] = type(failure).__name__
        dist.broadcast_object_list(outcome, src=0)
        if error is not None:
            raise error
        if outcome[1] is not None:
            raise FirstFailed(outcome[1])
        result: Result = outcome[0]
        return result

    def wait(self) -> None:
        """Wait until every rank is here."""
        if self.size > 1:
            dist.barrier()


class FirstFailed(TrainError):
    """Rank 0 ended the training, and says why itself."""


ALONE = Ranks()


def is_one_of_many() -> bool:
    """Tell whether torchrun started this process as one of several ranks."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


@contextmanager
def joined(tensor_size: int = 1) -> Iterator[Ranks]:
    """Join torchrun's ranks for the block; without torchrun this rank is alone.

    GPUs speak NCCL, and CPUs gloo. Raises TrainError for tensor ranks that don't divide all.
    """
    if not is_one_of_many():
        if tensor_size > 1:
            raise TrainError(
                f"--tp {tensor_size} needs as many ranks: start them by torchrun "
                f"--nproc-per-node {tensor_size} -m inference train …"
            )
        yield ALONE
        return
    from torch.distributed.device_mesh import init_device_mesh

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if size % tensor_size:
        raise TrainError(f"--tp {tensor_size} doesn't divide the {size} ranks of torchrun")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    else:
        _give_freed_memory_back()
    backend = "cuda:nccl,cpu:gloo" if device == "cuda" else "gloo"
    deadline = timedelta(seconds=WAIT_SECONDS)
    dist.init_process_group(
        backend, store=_fresh_store(deadline), rank=rank, world_size=size, timeout=deadline
    )
    try:
        shape = (size // tensor_size, tensor_size)
        mesh = init_device_mesh(device, shape, mesh_dim_names=NAMES)
        yield Ranks(rank, size, tensor_size, device, mesh)
    finally:
        dist.destroy_process_group()


def _fresh_store(deadline: timedelta) -> Any:
    """Return torchrun's store, under names of this start alone.

    It outlives ranks that torchrun starts anew, which would else find addresses of dead ones.
    Agents of several hosts count their restarts differently, so there the names stay plain.
    """
    store, _, _ = next(rendezvous("env://", timeout=deadline))
    if os.environ.get("GROUP_WORLD_SIZE", "1") != "1":
        return store
    return PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def _give_freed_memory_back() -> None:
    """Let glibc return each large tensor's memory once it is freed.

    It would keep what gathered layers leave, which is as much as sharing the weights saves.
    Elsewhere than under glibc there is no such call, and this does nothing.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, MAPPED_BYTES)
