"""Read a remote blob as a file that can be sought in."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

ReadRange = Callable[[int, int], bytes]
"""Called with where to begin and how many bytes; never past the end, nor for none."""


class RangedReader(io.RawIOBase):
    """A reader that fetches what is read and no more; buffer it for small reads."""

    def __init__(self, size_bytes: int, read_range: ReadRange) -> None:
        self._size, self._read_range, self._position = size_bytes, read_range, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("sought before the beginning")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        chunk = self._read_range(self._position, length)
        buffer[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)
