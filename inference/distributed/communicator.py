"""What ranks say to each other, through torch.distributed.

Messages and hidden states between stages go over gloo on CPUs, sums over tensor ranks over gloo
or NCCL. Each operation has a deadline; one that fails or runs out of it raises RanksFailed, and
the group is then of no more use.
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
from torch.distributed import Store  # type: ignore[attr-defined]

from inference.errors import RanksFailed
from inference.model.layout import Layout

LOAD_DEADLINE = timedelta(hours=2)  # ranks read at their own pace
_FIRST_BYTES = 4096  # a message up to this goes in one operation
_INTERFACE = "GLOO_SOCKET_IFNAME"
_BUILD_PATH = re.compile(r"^\[[^]]*\] ")  # gloo begins with where its source lay


class Group:
    """One rank's ties to all others. There can be one in a process at a time."""

    def __init__(
        self, layout: Layout, device: str, store: Store, deadline: timedelta, *, one_host: bool
    ) -> None:
        self.layout, self.device = layout, torch.device(device)
        on_gpu = self.device.type == "cuda"
        if on_gpu:
            torch.cuda.set_device(self.device)
        everyone = list(range(layout.ranks))
        with _failures(), _bound_to_loopback(one_host):
            dist.init_process_group(
                "gloo", store=store, rank=layout.rank, world_size=layout.ranks, timeout=deadline
            )
            self._loading = dist.new_group(everyone, timeout=LOAD_DEADLINE, backend="gloo")
            backend = "nccl" if on_gpu else "gloo"
            self._stages = dist.new_group(everyone, timeout=deadline, backend=backend)
            for stage in range(layout.pipeline_size):  # everyone makes every group, in one order
                ranks = [stage * layout.tensor_size + rank for rank in range(layout.tensor_size)]
                made = dist.new_group(ranks, timeout=deadline, backend=backend)
                if stage == layout.stage:
                    self._tensor = made

    def close(self) -> None:
        """Leave the group, and end its threads: one that outlives Python at exit aborts it."""
        if dist.is_initialized():
            dist.destroy_process_group()
        self._loading = self._stages = self._tensor = None

    # To all ranks

    def tell(self, message: Any) -> None:
        """Rank 0's word to all others, who ``hear`` it."""
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

    def hear(self) -> Any:
        """What rank 0 tells next."""
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

    def meet(self) -> None:
        """Wait until all are here."""
        with _failures():
            dist.all_reduce(torch.zeros(1))

    def gather_reports(self, report: Any) -> list[Any]:
        """Everyone's report on loading, by rank; its deadline is a long one."""
        reports: list[Any] = [None] * self.layout.ranks
        with _failures():
            dist.all_gather_object(reports, report, group=self._loading)
        return reports

    def bring_home(self, answers: Any) -> Any:
        """What the last stage's first rank found, at rank 0; None elsewhere."""
        layout = self.layout
        source = (layout.pipeline_size - 1) * layout.tensor_size
        if source == 0 or layout.rank not in (0, source):
            return answers if layout.rank == 0 else None
        if layout.rank == source:
            data = torch.frombuffer(bytearray(pickle.dumps(answers)), dtype=torch.uint8)
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

    def gather_home(self, own: Any) -> list[Any]:
        """Everyone's, by rank, at rank 0; nothing elsewhere."""
        found: list[Any] | None = [None] * self.layout.ranks if self.layout.rank == 0 else None
        with _failures():
            dist.gather_object(own, found, dst=0)
        return found or []

    # Between stages

    def send_on(self, hidden: Tensor) -> Callable[[], None]:
        """Start handing hidden states to the next stage; call the result before they change."""
        hidden = hidden.contiguous()
        with _failures():
            work = dist.isend(hidden, self.layout.rank + self.layout.tensor_size, self._stages)

        def finish() -> None:
            with _failures():
                if work is not None:
                    work.wait()

        return finish

    def receive(self, tokens: int, width: int, dtype: torch.dtype) -> Tensor:
        """The stage before's hidden states [tokens, width]."""
        hidden = torch.empty(tokens, width, dtype=dtype, device=self.device)
        with _failures():
            dist.recv(hidden, self.layout.rank - self.layout.tensor_size, self._stages)
        return hidden

    # Among the tensor ranks of a stage

    def sum_partial(self, partial: Tensor) -> Tensor:
        """Everyone's summands, added; on CPUs in fp32, whatever their dtype."""
        wide = partial if self.device.type == "cuda" else partial.float()
        return self.reduce(wide, dist.ReduceOp.SUM).to(partial.dtype)

    def reduce(self, values: Tensor, operation: Any) -> Tensor:
        """values, combined over tensor ranks in place; the same on each."""
        if values.numel():
            with _failures():
                dist.all_reduce(values, operation, self._tensor)
        return values

    def gather(self, values: Tensor) -> Tensor:
        """Everyone's values, stacked by tensor rank: [tensor_size, ...]."""
        found = [torch.empty_like(values) for _ in range(self.layout.tensor_size)]
        with _failures():
            dist.all_gather(found, values.contiguous(), self._tensor)
        return torch.stack(found)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # torch's own errors of broken or late connections
        raise RanksFailed(_BUILD_PATH.sub("", str(error).partition("\n")[0])) from error


@contextmanager
def _bound_to_loopback(one_host: bool) -> Iterator[None]:
    """gloo listens where nobody else can reach it, unless the environment says otherwise."""
    if not one_host or _INTERFACE in os.environ:
        yield
        return
    names = {name for _, name in socket.if_nameindex()}
    found = next((name for name in ("lo", "lo0") if name in names), None)
    if found is not None:
        os.environ[_INTERFACE] = found
    try:
        yield
    finally:
        os.environ.pop(_INTERFACE, None)
