"""Hold the values that a run captures, beyond the first megabytes on disk."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import torch

from inference.interp.captured import Captured, Snapshot, padded
from inference.interp.spec import Point
from portal.jobs.models import Job
from portal.storage import blob_store, require_room

HELD_BYTES = 16 << 20  # of one run in memory, before they are written to disk
ALIGNMENT = 8
MERGED = ("last", "mean")  # of which one row is held, into which later ones go


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
        joined = [
            (sample, _joined(file, start, held, point))
            for sample, held in self._held.items()
            for point in held.points()
            if point[2] not in MERGED
        ]
        for sample, held in self._held.items():
            one_row = [it for it in held.snapshots if it.reduce_kind in MERGED]
            self._held[sample] = Captured(one_row)
        self._held_bytes = 0
        if joined:
            file.flush()
            length = file.tell() - start
            mapped = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_COPY, offset=start)
            for sample, snapshot in joined:
                self._written.setdefault(sample, []).append(snapshot.mapped(mapped))


@dataclass(frozen=True)
class _Piece:
    """A tensor in the file: where it begins in a mapping, and what it is."""

    place: int
    dtype: torch.dtype
    shape: tuple[int, ...]

    def view(self, mapped: mmap.mmap) -> torch.Tensor:
        count = prod(self.shape)
        if not count:
            return torch.empty(self.shape, dtype=self.dtype)
        flat = torch.frombuffer(mapped, dtype=self.dtype, count=count, offset=self.place)
        return flat.reshape(self.shape)


@dataclass(frozen=True)
class _WrittenSnapshot:
    """The values of one point over several steps, joined in the file."""

    point: Point
    positions: tuple[int, ...]
    values: _Piece
    indices: _Piece | None

    def mapped(self, mapped: mmap.mmap) -> Snapshot:
        site, layer, kind = self.point
        indices = self.indices.view(mapped) if self.indices else None
        return Snapshot(site, layer, self.positions, self.values.view(mapped), kind, indices)


def _joined(file: IO[bytes], start: int, held: Captured, point: Point) -> _WrittenSnapshot:
    """Write the values of one point one after another: no copy of them all is made in memory."""
    parts = held.parts(*point)
    values = _append(file, start, [part.values for part in parts])
    indices = [part.indices for part in parts if part.indices is not None]
    units = _append(file, start, indices) if indices else None
    return _WrittenSnapshot(point, held.positions(*point), values, units)


def require_room_for_captures(job: Job) -> None:
    """Raise NoRoom where the disk can't take what a job may capture."""
    if job.reserved_capture_bytes:  # twice: as it comes, and once more as one file
        require_room(blob_store(), 2 * job.reserved_capture_bytes)


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


def _append(file: IO[bytes], start: int, parts: Sequence[torch.Tensor]) -> _Piece:
    """Write tensors as one at the next even place; attention's are padded to the most keys."""
    place = file.seek(-(-file.tell() // ALIGNMENT) * ALIGNMENT)
    widest = max(part.shape[-1] for part in parts)
    for part in parts:
        even = part if part.shape[-1] == widest else padded(part, widest)
        file.write(even.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    rows = sum(part.shape[0] for part in parts)
    first = parts[0]
    return _Piece(place - start, first.dtype, (rows, *first.shape[1:-1], widest))
