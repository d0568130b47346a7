"""Communicate between ranks through torch.distributed.

Messages go over gloo; hidden states between stages and sums over tensor ranks over gloo on CPUs
and NCCL on GPUs. Each operation has a deadline; one that fails or misses it raises RanksFailed,
and the communicator can't be used any more.
"""

import os
import pickle
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # its defaults would keep the group that it is imported in
from torch import Tensor
from torch.distributed import Store, distributed_c10d  # type: ignore[attr-defined]

from inference.errors import RanksFailed
from inference.model.layout import Layout

LOAD_DEADLINE = timedelta(hours=2)  # ranks read at their own pace
_FIRST_BYTES = 4096  # a message up to this size takes one broadcast, a longer one two
_INTERFACE = "GLOO_SOCKET_IFNAME"
_BUILD_PATH = re.compile(r"^\[[^]]*\] ")  # gloo begins with where its source lay


class Communicator:
    """One rank's process groups. A process can have one communicator at a time."""

    def __init__(
        self, layout: Layout, device: str, store: Store, deadline: timedelta, *, one_host: bool
    ) -> None:
        self.layout, self.device = layout, torch.device(device)
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        in_use = dist.is_initialized()
        try:
            with _failures(), _bound_to_loopback(one_host):
                self._make_groups(store, deadline)
        except BaseException:
            if not in_use:
                _forget_groups()
            raise

    def _make_groups(self, store: Store, deadline: timedelta) -> None:
        layout, all_ranks = self.layout, list(range(self.layout.ranks))
        dist.init_process_group(
            "gloo", store=store, rank=layout.rank, world_size=layout.ranks, timeout=deadline
        )
        self._loading = dist.new_group(all_ranks, timeout=LOAD_DEADLINE, backend="gloo")
        backend = "nccl" if self.device.type == "cuda" else "gloo"
        self._stages = dist.new_group(all_ranks, timeout=deadline, backend=backend)
        # new_group is collective: every rank must make every group, in the same order
        for stage in range(layout.pipeline_size):
            ranks = [stage * layout.tensor_size + rank for rank in range(layout.tensor_size)]
            group = dist.new_group(ranks, timeout=deadline, backend=backend)
            if stage == layout.stage:
                self._tensor = group

    def close(self) -> None:
        """Destroy the process groups. Their threads would abort Python if they outlived it."""
        _forget_groups()
        self._loading = self._stages = self._tensor = None

    # Between rank 0 and all ranks

    def broadcast(self, message: Any) -> None:
        """Send a message from rank 0 to all other ranks, which call ``receive_broadcast``.

        The first tensor holds the size and as much of the message as fits, so that a short message
        needs no second broadcast: most steps are short, and each operation costs a round trip.
        """
        data = pickle.dumps(message)
        first = torch.zeros(_FIRST_BYTES + 8, dtype=torch.uint8)
        first[:8] = torch.frombuffer(bytearray(len(data).to_bytes(8, "little")), dtype=torch.uint8)
        head = data[:_FIRST_BYTES]
        first[8 : 8 + len(head)] = torch.frombuffer(bytearray(head), dtype=torch.uint8)
        with _failures():
            dist.broadcast(first, 0)
            if len(data) > _FIRST_BYTES:
                rest = torch.frombuffer(bytearray(data[_FIRST_BYTES:]), dtype=torch.uint8)
                dist.broadcast(rest, 0)

    def receive_broadcast(self) -> Any:
        """Wait for rank 0's next message and return it."""
        first = torch.empty(_FIRST_BYTES + 8, dtype=torch.uint8)
        with _failures():
            dist.broadcast(first, 0)
            size = int.from_bytes(bytes(first[:8].tolist()), "little")
            data = first[8 : 8 + size].numpy().tobytes()
            if size > _FIRST_BYTES:
                rest = torch.empty(size - _FIRST_BYTES, dtype=torch.uint8)
                dist.broadcast(rest, 0)
                data += rest.numpy().tobytes()
        return pickle.loads(data)  # noqa: S301 - from a rank of this engine

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        with _failures():
            dist.all_reduce(torch.zeros(1))  # nobody gets the sum before all have added to it

    def all_gather_reports(self, report: Any) -> list[Any]:
        """Return every rank's report on loading, by rank. Waits long, since loading may."""
        reports: list[Any] = [None] * self.layout.ranks
        with _failures():
            dist.all_gather_object(reports, report, group=self._loading)
        return reports

    def send_to_rank_0(self, outputs: Any) -> Any:
        """Send what the last stage's first rank has to rank 0.

        Every rank calls this. Returns the outputs on rank 0, and None on all others.
        """
        layout = self.layout
        source = (layout.pipeline_size - 1) * layout.tensor_size
        if source == 0 or layout.rank not in (0, source):
            return outputs if layout.rank == 0 else None
        if layout.rank == source:
            data = torch.frombuffer(bytearray(pickle.dumps(outputs)), dtype=torch.uint8)
            with _failures():
                dist.send(torch.tensor([len(data)]), 0)
                dist.send(data, 0)
            return None
        size = torch.empty(1, dtype=torch.int64)
        with _failures():
            dist.recv(size, source)
            data = torch.empty(int(size), dtype=torch.uint8)
            dist.recv(data, source)
        return pickle.loads(data.numpy().tobytes())  # noqa: S301 - from a rank of this engine

    def gather(self, value: Any) -> list[Any]:
        """Gather every rank's value, by rank, on rank 0. Returns an empty list on all others."""
        values: list[Any] | None = [None] * self.layout.ranks if self.layout.rank == 0 else None
        with _failures():
            dist.gather_object(value, values, dst=0)
        return values or []

    # Between stages

    def send_next_stage(self, hidden: Tensor) -> Callable[[], None]:
        """Start sending hidden states to the next stage.

        Returns a function that waits for the end; until then the tensor must not change.
        """
        hidden = hidden.contiguous()
        with _failures():
            work = dist.isend(hidden, self.layout.rank + self.layout.tensor_size, self._stages)

        def finish() -> None:
            with _failures():
                if work is not None:
                    work.wait()

        return finish

    def receive_previous_stage(self, tokens: int, width: int, dtype: torch.dtype) -> Tensor:
        """Receive hidden states [tokens, width] from the stage before."""
        hidden = torch.empty(tokens, width, dtype=dtype, device=self.device)
        with _failures():
            dist.recv(hidden, self.layout.rank - self.layout.tensor_size, self._stages)
        return hidden

    # Among the tensor ranks of a stage

    def all_reduce_sum(self, partial: Tensor) -> Tensor:
        """Return the sum of all tensor ranks' summands; on CPUs added in fp32."""
        wide = partial if self.device.type == "cuda" else partial.float()
        return self.all_reduce(wide, dist.ReduceOp.SUM).to(partial.dtype)

    def all_reduce(self, values: Tensor, operation: Any) -> Tensor:
        """Combine values over tensor ranks in place, and return them; the same on each rank."""
        if values.numel():
            with _failures():
                dist.all_reduce(values, operation, self._tensor)
        return values

    def all_gather(self, values: Tensor) -> Tensor:
        """Return all tensor ranks' values, stacked by tensor rank: [tensor_size, ...]."""
        gathered = [torch.empty_like(values) for _ in range(self.layout.tensor_size)]
        with _failures():
            dist.all_gather(gathered, values.contiguous(), self._tensor)
        return torch.stack(gathered)


def _forget_groups() -> None:
    """Destroy the process groups that there are, so that the next start begins from nothing."""
    if dist.is_initialized():
        dist.destroy_process_group()
    # torch names groups by a count, and keeps that where the first group couldn't be made: rank 0
    # would then wait for the others under a name that none of them uses.
    distributed_c10d._world.group_count = 0


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # torch's own errors of broken or late connections
        raise RanksFailed(_BUILD_PATH.sub("", str(error).partition("\n")[0])) from error


@contextmanager
def _bound_to_loopback(one_host: bool) -> Iterator[None]:
    """Let gloo listen on the loopback interface alone, unless the environment names another.

    Messages are pickles: whoever could connect could run code here.
    """
    if not one_host or _INTERFACE in os.environ:
        yield
        return
    names = {name for _, name in socket.if_nameindex()}
    loopback = next((name for name in ("lo", "lo0") if name in names), None)
    if loopback is not None:
        os.environ[_INTERFACE] = loopback
    try:
        yield
    finally:
        os.environ.pop(_INTERFACE, None)
