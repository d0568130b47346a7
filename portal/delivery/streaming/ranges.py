"""Parse the Range header, if it asks for one range (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


@dataclass(frozen=True)
class ByteRange:
    """Bytes from ``start`` up to, not including, ``stop``."""

    start: int
    stop: int

    @property
    def length_bytes(self) -> int:
        return self.stop - self.start


class Unsatisfiable(Exception):
    """An error that no byte of the file is in the range."""


def parse_range(header: str, size: int) -> ByteRange | None:
    """Return the range asked for, or None for the whole file. Raises Unsatisfiable.

    A header that is malformed, in another unit or of several ranges asks for the whole, as the RFC
    allows.
    """
    match = RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _satisfiable(max(0, size - int(last)), size, size)
    if last and int(last) < int(first):
        return None
    stop = min(int(last) + 1, size) if last else size
    return _satisfiable(int(first), stop, size)


def _satisfiable(start: int, stop: int, size: int) -> ByteRange:
    if start >= size:
        raise Unsatisfiable
    return ByteRange(start, stop)
