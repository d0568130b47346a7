"""Write what was captured as one safetensors file, piece by piece, and read it back.

Tensors are torch's where torch is installed, else numpy's arrays; numpy has no bfloat16, so there
such values are read as float32, which holds them exactly.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from inference.interp.captured import Captured, Snapshot, padded
from inference.interp.file_layout import (
    CODES,
    INDICES,
    INDICES_DTYPE,
    POSITIONS,
    POSITIONS_DTYPE,
    TensorLayout,
    in_order,
    read_name,
    tensor_name,
)
from inference.interp.spec import Point
from inference.model_files.safetensors_header import TensorEntry, header_of, read_entries

_NUMPY_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4"}


@dataclass(frozen=True)
class WrittenFile:
    """A file of captures: its bytes and hash, and what it holds by name."""

    size_bytes: int
    sha256: str
    tensors: dict[str, TensorLayout]


def write_captured(file: BinaryIO, captured: Mapping[int, Captured]) -> WrittenFile:
    """Write the captures of several choices, by number. One snapshot is copied at a time."""
    points = [
        (choice, point, captured[choice].parts(*point))
        for choice in sorted(captured)
        for point in in_order(captured[choice].points())
    ]
    layout: dict[str, TensorLayout] = {}
    for choice, point, parts in points:
        layout |= _layout(tensor_name(choice, point), parts)
    written = _Hashing(file)
    written.write(header_of({name: (CODES[it.dtype], it.shape) for name, it in layout.items()}))
    for _, _, parts in points:
        for data in _data(parts):
            written.write(data)
    return WrittenFile(written.size_bytes, written.sha256.hexdigest(), layout)


def write_tensors_file(file: BinaryIO, tensors: Mapping[str, Any]) -> WrittenFile:
    """Write tensors or arrays under names, such as values for interventions."""
    layout = {name: TensorLayout(_dtype(it), tuple(it.shape)) for name, it in tensors.items()}
    written = _Hashing(file)
    written.write(header_of({name: (CODES[it.dtype], it.shape) for name, it in layout.items()}))
    for tensor in tensors.values():
        written.write(_bytes(tensor))
    return WrittenFile(written.size_bytes, written.sha256.hexdigest(), layout)


def read_captured(path: Path) -> dict[int, Captured]:
    """Read a file of captures: what each choice captured, by number.

    Raises ValueError where it isn't such a file.
    """
    captured: dict[int, Captured] = {}
    with _OpenFile(path) as file:
        for name in file.entries:
            if not name.endswith((POSITIONS, INDICES)):
                choice, point = read_name(name)
                captured.setdefault(choice, Captured()).add([_snapshot(file, name, point)])
    return captured


def read_tensor(path: Path, name: str, positions: Sequence[int] | None = None) -> Any:
    """Read one tensor of a safetensors file; of captures, the rows of these positions.

    Only their bytes are read. Raises ValueError naming what isn't there.
    """
    with _OpenFile(path) as file:
        if positions is None:
            return file.tensor(name)
        here = file.tensor(name + POSITIONS).tolist()
        missing = [position for position in positions if position not in here]
        if missing:
            raise ValueError(f"{name} has no values at position {missing[0]}")
        return file.rows(name, [here.index(position) for position in positions])


class _Hashing:
    """A file that is written to, with the hash and number of its bytes so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.size_bytes, self.sha256 = file, 0, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        """Write bytes."""
        self._file.write(data)
        self.sha256.update(data)
        self.size_bytes += len(data)


class _OpenFile:
    """An open safetensors file. All errors are ValueErrors."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self.entries = read_entries(self._file, path.stat().st_size)
        except ValueError:
            self._file.close()
            raise

    def __enter__(self) -> "_OpenFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def tensor(self, name: str) -> Any:
        """Read a tensor."""
        entry = self._entry(name)
        self._file.seek(entry.start)
        return _tensor_of(self._file.read(entry.size_bytes), entry)

    def rows(self, name: str, numbers: Sequence[int]) -> Any:
        """Read some rows of a tensor."""
        entry = self._entry(name)
        row = replace(entry, shape=(1, *entry.shape[1:]))
        if not entry.shape or max(numbers, default=0) >= entry.shape[0]:
            raise ValueError(f"{name} has no row for each position: name no positions")
        data = b""
        for number in numbers:
            self._file.seek(entry.start + number * row.size_bytes)
            data += self._file.read(row.size_bytes)
        return _tensor_of(data, replace(entry, shape=(len(numbers), *entry.shape[1:])))

    def _entry(self, name: str) -> TensorEntry:
        if name not in self.entries:
            listed = ", ".join(list(self.entries)[:8])
            raise ValueError(f"there is no tensor {name!r:.80} in the file, which has {listed}")
        return self.entries[name]


def _layout(name: str, parts: Sequence[Snapshot]) -> dict[str, TensorLayout]:
    first, listed = parts[0], sum(len(part.positions) for part in parts)
    rows = sum(part.values.shape[0] for part in parts)
    inner = list(first.values.shape[1:])
    inner[-1] = max(part.values.shape[-1] for part in parts)  # attention's keys grow
    layout = {
        name: TensorLayout(_dtype(first.values), (rows, *inner)),
        name + POSITIONS: TensorLayout(POSITIONS_DTYPE, (listed,)),
    }
    if first.indices is not None:
        layout[name + INDICES] = TensorLayout(INDICES_DTYPE, (rows, *inner))
    return layout


def _data(parts: Sequence[Snapshot]) -> Iterator[memoryview]:
    """Yield the bytes of the tensors that ``_layout`` names, in its order."""
    keys = max(part.values.shape[-1] for part in parts)
    for part in parts:
        fits = part.values.shape[-1] == keys
        yield _bytes(part.values if fits else padded(part.values, keys))
    yield _bytes(np.array([p for part in parts for p in part.positions], dtype="<i8"))
    for part in parts:
        if part.indices is not None:
            yield _bytes(part.indices)


def _snapshot(file: _OpenFile, name: str, point: Point) -> Snapshot:
    positions = tuple(file.tensor(name + POSITIONS).tolist())
    indices = file.tensor(name + INDICES) if name + INDICES in file.entries else None
    return Snapshot(point[0], point[1], positions, file.tensor(name), point[2], indices)


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _bytes(tensor: Any) -> memoryview:
    """Return the bytes as safetensors stores them, of a tensor or an array."""
    if isinstance(tensor, np.ndarray):
        array = np.ascontiguousarray(tensor, dtype=tensor.dtype.newbyteorder("<"))
        return array.reshape(-1).view(np.uint8).data
    import torch  # here, so that reading and writing numpy's arrays doesn't need it

    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return memoryview(flat.numpy())


def _tensor_of(data: bytes, entry: TensorEntry) -> Any:
    array = np.frombuffer(data, dtype=_NUMPY_TYPES[entry.code]).reshape(entry.shape)
    if find_spec("torch") is None:
        return _widened(array) if entry.code == "BF16" else array.copy()
    import torch

    tensor = torch.from_numpy(array.copy())
    return tensor.view(torch.bfloat16) if entry.code == "BF16" else tensor


def _widened(array: Any) -> Any:
    """Return the float32 that bfloat16's bits are the upper half of."""
    return (array.astype(np.uint32) << 16).view(np.float32)
