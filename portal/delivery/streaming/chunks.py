"""Read a file's bytes in even chunks and flat memory, for either kind of server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from portal.delivery.streaming.ranges import ByteRange

CHUNK_BYTES = 1 << 20

Moved = Callable[[], None]
"""Called before each chunk."""

Ended = Callable[[int], None]
"""Called once with the bytes handed over, whether or not the client stayed to the end."""


def nothing() -> None:
    pass


def chunks(path: Path, span: ByteRange, ended: Ended, moved: Moved = nothing) -> Iterator[bytes]:
    """Yield a range of a file for a WSGI server; ``ended`` is called however it ends."""
    position = span.start
    source = os.open(path, os.O_RDONLY)
    try:
        while position < span.stop:
            chunk = _read(source, position, span.stop, moved)
            yield chunk
            position += len(chunk)
    finally:
        os.close(source)
        ended(position - span.start)


async def chunks_async(
    path: Path, span: ByteRange, ended: Ended, moved: Moved = nothing
) -> AsyncIterator[bytes]:
    """Yield a range of a file for an ASGI server.

    Disk and database are used in threads, so that neither holds the event loop.
    """
    position = span.start
    source = os.open(path, os.O_RDONLY)
    try:
        while position < span.stop:
            chunk = await asyncio.to_thread(_read, source, position, span.stop, moved)
            yield chunk
            position += len(chunk)
    finally:
        os.close(source)
        # Shielded: a client that leaves cancels this, and the queued call would go with it.
        await asyncio.shield(asyncio.to_thread(ended, position - span.start))


def _read(source: int, position: int, stop: int, moved: Moved) -> bytes:
    moved()
    chunk = os.pread(source, min(CHUNK_BYTES, stop - position), position)
    if not chunk:
        raise OSError("the file is shorter than announced")
    return chunk
