"""Write and read the header of a safetensors file. Free of torch.

The format: eight bytes of header length, little-endian; a JSON header of dtype, shape and data
offsets by name; then the numbers, little-endian and in rows, in the header's order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

ITEM_BYTES_BY_CODE = {
    "F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2,
}  # fmt: skip
MOST_HEADER_BYTES = 100 * 2**20  # as safetensors' own reader has it
_ALIGNMENT = 8


@dataclass(frozen=True)
class TensorEntry:
    """One tensor as a header has it; start: of its bytes, counted from the file's beginning."""

    code: str
    shape: tuple[int, ...]
    start: int

    @property
    def size_bytes(self) -> int:
        """Bytes of its numbers."""
        return prod(self.shape) * ITEM_BYTES_BY_CODE[self.code]


def header_of(layout: Mapping[str, tuple[str, tuple[int, ...]]]) -> bytes:
    """Return the header of tensors that lie one after another. layout: code and shape by name."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (code, shape) in layout.items():
        end = at + prod(shape) * ITEM_BYTES_BY_CODE[code]
        entries[name] = {"dtype": code, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def read_entries(file: BinaryIO, size_bytes: int) -> dict[str, TensorEntry]:
    """Read a header. Raises ValueError where it isn't one of a file of so many bytes."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= min(MOST_HEADER_BYTES, size_bytes - 8):
        raise ValueError("it is no safetensors file: it doesn't begin with a header's length")
    try:
        entries = json.loads(file.read(length))
        return {
            name: _entry(name, entry, 8 + length, size_bytes)
            for name, entry in entries.items()
            if name != "__metadata__"
        }
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"its safetensors header can't be read: {error}") from error


def _entry(name: str, entry: Mapping[str, Any], data: int, size_bytes: int) -> TensorEntry:
    code, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if code not in ITEM_BYTES_BY_CODE:
        raise ValueError(f"{name!r:.80} is of dtype {code!r:.20}, which isn't known here")
    if any(type(number) is not int or number < 0 for number in (start, end, *shape)):
        raise ValueError(f"{name!r:.80} has sizes that are no whole numbers")
    tensor = TensorEntry(str(code), tuple(shape), data + start)
    if tensor.size_bytes != end - start or data + end > size_bytes:
        raise ValueError(f"{name!r:.80} doesn't lie whole within the file")
    return tensor
