"""Read shards in full for NaN and infinity, each blob once ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import BinaryIO

from inference.model_files.weight_formats import SAFETENSORS
from portal.catalog.contents import Content
from portal.catalog.findings import first_problems
from portal.catalog.formats.safetensors import read_stream
from portal.catalog.models import Blob
from portal.storage import blob_store

PIECE_BYTES = 8 << 20
Advance = Callable[[str, int], None]
"""Called with a file's path and the number of its bytes just read."""

FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<f4"}
MASKS = {  # types that numpy lacks: which bits are all set in NaN and infinity
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("u1", 0x7C),
    "F8_E4M3": ("u1", 0x7F),
    "F8_E8M0": ("u1", 0xFF),
}


def _nobody(_: int) -> None:
    return None


def unread(contents: Iterable[Content]) -> list[Content]:
    """List the shards that were never read in full, each blob once."""
    shards = {content.sha256: content for content in contents if content.path.endswith(SAFETENSORS)}
    known = Blob.objects.filter(pk__in=list(shards), examined_at__isnull=False)
    read = set(known.values_list("pk", flat=True))
    return [content for sha256, content in shards.items() if sha256 not in read]


def examine_shards(contents: Iterable[Content], *, now: datetime, advance: Advance) -> list[str]:
    """Return which tensors of these shards hold NaN or infinity. Raises BlobMissing.

    What was read is noted by blob, so that neither the next revision nor a check that was broken
    off reads it again.
    """
    shards = [content for content in contents if content.path.endswith(SAFETENSORS)]
    for content in unread(shards):
        with blob_store().open(content.sha256) as shard:
            names = list(not_finite(shard, content.size_bytes, partial(advance, content.path)))
        Blob.objects.filter(pk=content.sha256).update(examined_at=now, examination=names[:100])
    blobs = Blob.objects.filter(pk__in=[shard.sha256 for shard in shards])
    names_of = dict(blobs.values_list("pk", "examination"))
    return first_problems(
        [
            f"{name} in {shard.path} holds NaN or infinity"
            for shard in shards
            for name in names_of.get(shard.sha256, [])
        ]
    )


def note_examined(contents: Iterable[Content], now: datetime) -> None:
    """Note shards that the engine has read in full and found finite."""
    shards = [content.sha256 for content in contents if content.path.endswith(SAFETENSORS)]
    Blob.objects.filter(pk__in=shards, examined_at=None).update(examined_at=now)


def not_finite(
    shard: BinaryIO,
    size_bytes: int,
    advance: Callable[[int], None] = _nobody,
    *,
    in_float32: bool = False,
) -> Iterator[str]:
    """Yield the names of tensors that aren't finite; the header was checked before.

    in_float32: also those of float64 that are infinite once they are float32.
    """
    header, _ = read_stream(shard, size_bytes)
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, end = entry["data_offsets"]
        is_wrong = False
        for piece in _pieces(shard, end - start):
            is_wrong = is_wrong or not _is_finite(piece, entry["dtype"], in_float32)
            advance(len(piece))
        if is_wrong:
            yield name


def _pieces(shard: BinaryIO, size_bytes: int) -> Iterator[bytes]:
    while size_bytes:
        piece = shard.read(min(PIECE_BYTES, size_bytes))
        if not piece:
            raise EOFError("a shard ends before its last tensor")
        while len(piece) % 8 and len(piece) < size_bytes:  # a bucket may give less than asked for
            more = shard.read(8 - len(piece) % 8)
            if not more:
                raise EOFError("a shard ends before its last tensor")
            piece += more
        size_bytes -= len(piece)
        yield piece


def _is_finite(piece: bytes, dtype: str, in_float32: bool) -> bool:
    import numpy as np  # a tenth of the time in which the portal starts, and needed here alone

    if dtype in FLOATS:
        floats = np.frombuffer(piece, FLOATS[dtype])
        if in_float32:
            with np.errstate(over="ignore"):
                floats = floats.astype("<f4")
        return bool(np.isfinite(floats).all())
    if dtype in MASKS:
        kind, mask = MASKS[dtype]
        numbers = np.frombuffer(piece, kind)
        return not bool(((numbers & mask) == mask).any())
    return True
