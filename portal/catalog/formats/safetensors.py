"""Read the headers of safetensors files and check that what they say can be true."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

from portal.parsing.json import NotJson, read_json

HEADER_LIMIT_BYTES = 100_000_000
MOST_DIMENSIONS = 64  # torch's own limit; the product of many more could take for ever
BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


@dataclass(frozen=True)
class Tensor:
    """A tensor as the header describes it; offsets are bytes after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def size_bits(self) -> int:
        return prod(self.shape) * BITS[self.dtype]


def read_header(path: Path) -> dict[str, dict[str, Any]]:
    """Return a shard's tensors by its header. Raises ValueError for another kind of file."""
    return _read(path)[0]


def inspect(path: Path) -> tuple[list[Tensor], list[str]]:
    """Return a file's tensors, and each thing that is wrong with it."""
    try:
        with path.open("rb") as shard:
            return inspect_stream(shard, path.stat().st_size)
    except OSError as error:
        return [], [str(error)]


def inspect_stream(
    shard: BinaryIO, size: int, *, limit: int = HEADER_LIMIT_BYTES
) -> tuple[list[Tensor], list[str]]:
    """Return the tensors of an open file, and each thing that is wrong with it."""
    try:
        header, room = read_stream(shard, size, limit=limit)
    except (ValueError, OSError) as error:
        return [], [str(error)]
    tensors, problems = [], []
    for name, entry in header.items():
        try:
            tensors.append(_tensor(name, entry))
        except ValueError as error:
            problems.append(f"{name}: {error}")
    return tensors, problems or _layout_problems(tensors, room)


def _read(path: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """Return the header, and how many bytes of the file are left for tensors."""
    with path.open("rb") as shard:
        return read_stream(shard, path.stat().st_size)


def read_stream(
    shard: BinaryIO, size: int, *, limit: int = HEADER_LIMIT_BYTES
) -> tuple[dict[str, dict[str, Any]], int]:
    """Read the header of an open shard, and how many bytes are left for tensors.

    Raises ValueError where it is no safetensors file, or its header is over ``limit``.
    """
    length = int.from_bytes(shard.read(8), "little")
    if not 2 <= length <= min(limit, size - 8):
        raise ValueError("it is not a safetensors file, or it is cut short")
    text = shard.read(length)
    try:
        header = read_json(text, most_bytes=HEADER_LIMIT_BYTES)
    except NotJson as error:
        raise ValueError(f"its header is not JSON that can be read ({error})") from error
    if not isinstance(header, dict):
        raise ValueError("its header is not an object")
    header.pop("__metadata__", None)
    return header, size - 8 - length


def _tensor(name: str, entry: Any) -> Tensor:
    """Read one entry of the header. Raises ValueError."""
    if not isinstance(entry, dict):
        raise ValueError("its entry is not an object")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise ValueError(f"its dtype {str(dtype)[:40]!r} is none that safetensors has")
    if not (_are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2):
        raise ValueError("its shape and data_offsets must be whole numbers, offsets two of them")
    if len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"its shape has {len(shape)} dimensions, at most {MOST_DIMENSIONS} do")
    tensor = Tensor(name, dtype, tuple(shape), *offsets)
    offset_bits = 8 * (tensor.end - tensor.start)
    if offset_bits != tensor.size_bits:
        raise ValueError(
            f"{dtype} of shape {list(shape)} takes {-(-tensor.size_bits // 8)} bytes, "
            f"its offsets hold {tensor.end - tensor.start}"
        )
    return tensor


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)


def _layout_problems(tensors: list[Tensor], room: int) -> list[str]:
    """Name each gap and overlap: tensors must follow each other to the file's last byte."""
    problems, reached, before = [], 0, "the header"
    for tensor in sorted(tensors, key=lambda each: (each.start, each.end)):
        if tensor.start < reached:
            problems.append(f"{tensor.name} overlaps {before}")
        elif tensor.start > reached:
            gap = tensor.start - reached
            problems.append(f"{gap} bytes between {before} and {tensor.name} belong to no tensor")
        reached, before = max(reached, tensor.end), tensor.name
    if reached != room:
        problems.append(
            f"its header describes {reached} bytes of tensors, the file holds {room}: "
            + ("it is cut short" if room < reached else "bytes follow the last tensor")
        )
    return problems
