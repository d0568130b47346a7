"""Join what a batch's lines captured into a few large files, with an index of what is where.

Each shard is stored first, and then takes the place of the files that it holds, in one transaction:
a killed process loses nothing, and what it stored in vain is swept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from inference.interp.file_layout import CODES
from inference.model_files.safetensors_header import header_of, read_entries
from portal.jobs.batches import contents
from portal.jobs.batches.locking import locked_batch
from portal.jobs.batches.models import LEFT, Batch, BatchLine, StoredFile
from portal.jobs.batches.public_ids import BATCH_PREFIX, spelt
from portal.jobs.captures.keeping import drop_files, named_blob
from portal.jobs.captures.models import CaptureFile, CaptureShard
from portal.storage import blob_store

SHARD_BYTES = 256 << 20
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class _Merged:
    """A shard that lies in a file: its bytes' hash, and its tensors by name."""

    path: Path
    sha256: str
    tensors: dict[str, Any]


def seal(batch_id: UUID, now: datetime) -> None:
    """Join what has been captured so far, as soon as it fills a shard or nothing more comes."""
    while _seal_some(batch_id, now):
        pass


def unsealed(batch_id: UUID) -> QuerySet[CaptureFile]:
    """Select the captures of lines whose answers are written down, and which no shard has yet."""
    written = CaptureFile.objects.filter(
        job__batch=batch_id, is_whole=True, job__batch_line__state=BatchLine.State.COMPLETED
    )
    return written.select_related("blob", "job__batch_line").order_by("job__batch_line__number")


def _seal_some(batch_id: UUID, now: datetime) -> bool:
    """Make the next shard. Return whether another may follow."""
    files = _next_shard(batch_id)
    if not files:
        return False
    folder = blob_store().incoming_folder
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix="captures-") as copy:
        merged = _merge(files, copy)
        with transaction.atomic():  # its row comes before its bytes
            named_blob(merged.sha256, merged.path.stat().st_size, now)
        blob_store().put(merged.path, merged.sha256)
        return _replace(batch_id, files, merged, now)


def _next_shard(batch_id: UUID) -> list[CaptureFile]:
    """Return the files that the next shard has; none where it isn't time for one."""
    files: list[CaptureFile] = []
    size_bytes = 0
    for file in unsealed(batch_id).iterator(chunk_size=100):
        files.append(file)
        size_bytes += file.blob.size_bytes
        if size_bytes >= SHARD_BYTES:
            return files
    more_comes = BatchLine.objects.filter(batch=batch_id, state__in=LEFT).exists()
    return [] if more_comes else files


def _merge(files: Sequence[CaptureFile], copy: IO[bytes]) -> _Merged:
    """Write the tensors of several files into one, each under its line's id."""
    tensors = {
        f"{file.job.batch_line.custom_id}/{name}": tensor
        for file in files
        for name, tensor in _in_order(file)
    }
    layout = {
        name: (CODES[tensor["dtype"]], tuple(tensor["shape"])) for name, tensor in tensors.items()
    }
    digest = sha256()
    for chunk in _chunks(header_of(layout), files):
        digest.update(chunk)
        copy.write(chunk)
    copy.flush()
    return _Merged(Path(copy.name), digest.hexdigest(), tensors)


def _in_order(file: CaptureFile) -> Iterator[tuple[str, Any]]:
    """Yield the tensors of a file in the order of their bytes; the row's JSON has another."""
    with blob_store().open(file.blob_id) as content:
        entries = read_entries(content, file.blob.size_bytes)
    for name in sorted(entries, key=lambda name: entries[name].start):
        yield name, file.tensors[name]


def _chunks(header: bytes, files: Iterable[CaptureFile]) -> Iterator[bytes]:
    yield header
    for file in files:
        with blob_store().open(file.blob_id) as content:
            length = int.from_bytes(content.read(8), "little")
            content.read(length)
            while chunk := content.read(CHUNK_BYTES):
                yield chunk


@transaction.atomic
def _replace(batch_id: UUID, files: Sequence[CaptureFile], merged: _Merged, now: datetime) -> bool:
    """Put a shard in the place of the files that it holds. Return False if another was first."""
    batch = locked_batch(batch_id)
    standing = CaptureFile.objects.filter(pk__in=[file.pk for file in files])
    if batch is None or standing.count() != len(files):
        return False
    blob = named_blob(merged.sha256, merged.path.stat().st_size, now)
    if not blob_store().has(blob.pk):  # swept meanwhile: it took too long
        return False
    number = batch.capture_shards.count() + 1
    shard = _begun(batch, f"captures-{number:05}.safetensors", now)
    shard.size_bytes = blob.size_bytes
    shard.save(update_fields=["size_bytes"])
    CaptureShard.objects.create(
        file=shard, batch=batch, number=number, blob=blob, tensors=merged.tensors
    )
    drop_files(standing)
    return True


def write_index(batch: Batch, now: datetime) -> None:
    """Write down which tensor is in which shard of a locked batch, as checkpoints have it."""
    shards = list(batch.capture_shards.select_related("file").order_by("number"))
    if not shards or batch.capture_index_id is not None:
        return
    index = _begun(batch, "captures.safetensors.index.json", now)
    index.size_bytes = contents.append(index, _index(shards))
    index.save(update_fields=["size_bytes"])
    batch.capture_index_id = index.pk
    batch.save(update_fields=["capture_index_id"])


def _index(shards: Sequence[CaptureShard]) -> Iterator[bytes]:
    """Yield the index piece by piece: it may name a great many tensors."""
    total = sum(shard.file.size_bytes for shard in shards)
    yield f'{{"metadata":{{"total_size":{total}}},"weight_map":{{'.encode()
    comma = ""
    for shard in shards:
        file = json.dumps(shard.file.filename)
        for name in shard.tensors:
            yield f"{comma}{json.dumps(name)}:{file}".encode()
            comma = ","
    yield b"}}"


def _begun(batch: Batch, ending: str, now: datetime) -> StoredFile:
    return StoredFile.objects.create(
        person=batch.person,
        token=batch.token,
        purpose=StoredFile.Purpose.BATCH_OUTPUT,
        filename=f"{spelt(BATCH_PREFIX, batch.pk)}_{ending}",
        created_at=now,
        is_whole=False,
    )


def capture_file_ids(batch: Batch) -> list[UUID]:
    """Return the ids of the shards, in their order."""
    return list(batch.capture_shards.order_by("number").values_list("file_id", flat=True))
