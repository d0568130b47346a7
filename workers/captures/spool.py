"""Hold the values that a run captures, beyond the first megabytes on disk."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import torch

from inference.interp.captured import Captured, Snapshot
from portal.storage import blob_store

HELD_BYTES = 16 << 20  # of one run in memory, before they are written to disk
ALIGNMENT = 8


class CaptureSpool:
    """The values that the samples of one run have captured so far.

    Values lie in a file that has no name, and are mapped from it, so that a worker holds little of
    them and a killed one leaves nothing behind.
    """

    def __init__(self) -> None:
        self.captured: dict[int, Captured] = {}
        self._written: dict[int, int] = {}  # by sample, how many snapshots were looked at
        self._held_bytes = 0
        self._file: IO[bytes] | None = None

    def add(self, sample: int, snapshots: Sequence[Snapshot]) -> None:
        """Add what a sample captured in a step."""
        self.captured.setdefault(sample, Captured()).add(snapshots)
        self._held_bytes += sum(_size_bytes(snapshot) for snapshot in snapshots)
        if self._held_bytes >= HELD_BYTES:
            self._write_out()

    def _write_out(self) -> None:
        """Move to disk all values that no later ones are merged into."""
        file = self._file = self._file or _unnamed_file()
        start = _to_a_page(file)
        places: list[tuple[Captured, int, int, int]] = []
        for sample, captured in self.captured.items():
            for number in range(self._written.get(sample, 0), len(captured.snapshots)):
                snapshot = captured.snapshots[number]
                if snapshot.reduce_kind not in ("last", "mean"):
                    values = _append(file, snapshot.values) - start
                    indices = -1
                    if snapshot.indices is not None:
                        indices = _append(file, snapshot.indices) - start
                    places.append((captured, number, values, indices))
            self._written[sample] = len(captured.snapshots)
        self._held_bytes = 0
        if not places:
            return
        file.flush()
        mapped = mmap.mmap(
            file.fileno(), file.tell() - start, access=mmap.ACCESS_COPY, offset=start
        )
        for captured, number, values, indices in places:
            snapshot = captured.snapshots[number]
            captured.snapshots[number] = replace(
                snapshot,
                values=_view(mapped, values, snapshot.values),
                indices=None
                if snapshot.indices is None
                else _view(mapped, indices, snapshot.indices),
            )


def _unnamed_file() -> IO[bytes]:
    return TemporaryFile(dir=incoming_folder())


def incoming_folder() -> Path:
    folder = blob_store().incoming_folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _size_bytes(snapshot: Snapshot) -> int:
    tensors = (snapshot.values, snapshot.indices)
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors if tensor is not None)


def _to_a_page(file: IO[bytes]) -> int:
    """Go to where the next mapping may begin."""
    return file.seek(-(-file.seek(0, 2) // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY)


def _append(file: IO[bytes], tensor: torch.Tensor) -> int:
    """Write a tensor at the next even place, and return that."""
    place = file.seek(-(-file.tell() // ALIGNMENT) * ALIGNMENT)
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    file.write(flat.numpy().data)
    return place


def _view(mapped: mmap.mmap, place: int, tensor: torch.Tensor) -> torch.Tensor:
    if not tensor.numel():
        return tensor
    flat = torch.frombuffer(mapped, dtype=tensor.dtype, count=tensor.numel(), offset=place)
    return flat.reshape(tensor.shape)
