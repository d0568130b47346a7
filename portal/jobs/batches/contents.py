"""Write and read the bytes of stored files, part by part: none is ever held whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from uuid import UUID

from django.db.models import Max

from portal.database.binding import values_apart
from portal.jobs.batches.models import StoredFile, StoredPart
from portal.jobs.streaming.threads import in_pool

PART_BYTES = 1 << 20


class PartMissing(OSError):
    """An error that a file was deleted while it was read; the reader's connection breaks."""


def append(file: StoredFile, chunks: Iterable[bytes]) -> int:
    """Write chunks to the end of a file whose row the caller saves. Return how many bytes came."""
    last = file.parts.aggregate(number=Max("number"))["number"]
    number, size_bytes = 0 if last is None else last + 1, 0
    for chunk in _even(chunks):
        with values_apart():
            StoredPart.objects.create(file=file, number=number, content=chunk)
        number += 1
        size_bytes += len(chunk)
    return size_bytes


def _even(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut and join chunks to parts of one size."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)


def parts(file: StoredFile) -> Iterator[bytes]:
    """Read a file for a WSGI server. Raises PartMissing."""
    left, number = file.size_bytes, 0
    while left > 0:
        content = part(file.pk, number)
        yield content
        left -= len(content)
        number += 1


async def parts_async(file: StoredFile) -> AsyncIterator[bytes]:
    """Read a file for an ASGI server, the database in threads. Raises PartMissing."""
    left, number = file.size_bytes, 0
    while left > 0:
        content = await in_pool(part)(file.pk, number)
        yield content
        left -= len(content)
        number += 1


def part(file_id: UUID, number: int) -> bytes:
    """Read one part. Raises PartMissing."""
    rows = StoredPart.objects.filter(file=file_id, number=number)
    content = rows.values_list("content", flat=True).first()
    if content is None:
        raise PartMissing(f"part {number} of file {file_id} is gone")
    return bytes(content)


def lines(file: StoredFile, *, most_bytes: int) -> Iterator[bytes]:
    """Read a file line by line, without the ends of lines.

    Of a line of more than ``most_bytes`` only the first ``most_bytes + 1`` come.
    """
    waiting = bytearray()
    for content in parts(file):
        first, *others = content.split(b"\n")
        waiting += first[: max(most_bytes + 1 - len(waiting), 0)]
        for following in others:
            yield bytes(waiting)
            waiting = bytearray(following[: most_bytes + 1])
    if waiting:
        yield bytes(waiting)
