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
from inference.interp.spec import Point
from portal.storage import blob_store

HELD_BYTES = 16 << 20  # of one run in memory, before they are written to disk
ALIGNMENT = 8


class CaptureSpool:
    """The values that the samples of one run have captured so far.

    Most lie in a file that has no name, and are mapped from it, so that a worker holds little of
    them and a killed one leaves nothing behind.
    """

    def __init__(self) -> None:
        self._held: dict[int, Captured] = {}  # in memory, by sample
        self._written: dict[int, list[Snapshot]] = {}  # mapped from the file
        self._held_bytes = 0
        self._file: IO[bytes] | None = None

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, sample: int, snapshots: Sequence[Snapshot]) -> None:
        """Add what a sample captured in a step."""
        self._held.setdefault(sample, Captured()).add(snapshots)
        self._held_bytes += sum(_size_bytes(snapshot) for snapshot in snapshots)
        if self._held_bytes >= HELD_BYTES:
            self._write_out()

    def captured(self) -> dict[int, Captured]:
        """Return all that was captured, by sample."""
        return {
            sample: Captured([*self._written.get(sample, ()), *held.snapshots])
            for sample, held in self._held.items()
        }

    def _write_out(self) -> None:
        """Move to disk all values that no later ones are merged into."""
        file = self._file = self._file or _unnamed_file()
        start = _to_a_page(file)
        joined: list[tuple[int, Snapshot, int, int]] = []
        for sample, held in self._held.items():
            one_row = [snapshot for snapshot in held.snapshots if _is_merged(snapshot)]
            for snapshot in (_joined(held, point) for point in _apart(held)):
                values = _append(file, snapshot.values) - start
                indices = 0 if snapshot.indices is None else _append(file, snapshot.indices) - start
                joined.append((sample, snapshot, values, indices))
            self._held[sample] = Captured(one_row)
        self._held_bytes = 0
        if joined:
            file.flush()
            length = file.tell() - start
            mapped = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_COPY, offset=start)
            for sample, snapshot, values, indices in joined:
                written = self._written.setdefault(sample, [])
                written.append(_mapped(mapped, snapshot, values, indices))


def _is_merged(snapshot: Snapshot) -> bool:
    return snapshot.reduce_kind in ("last", "mean")


def _apart(held: Captured) -> list[Point]:
    """Return the points whose values only grow."""
    return [point for point in held.points() if point[2] not in ("last", "mean")]


def _joined(held: Captured, point: Point) -> Snapshot:
    """Join the values of one point, step by step, into one snapshot."""
    site, layer, kind = point
    indices = held.indices(site, layer) if kind == "top_k" else None
    return Snapshot(site, layer, held.positions(*point), held.values(*point), kind, indices)


def _mapped(mapped: mmap.mmap, snapshot: Snapshot, values: int, indices: int) -> Snapshot:
    """Return a snapshot whose tensors lie in the file, at these places."""
    own = None if snapshot.indices is None else _view(mapped, indices, snapshot.indices)
    return replace(snapshot, values=_view(mapped, values, snapshot.values), indices=own)


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
