"""Check that the store holds what the rows say, by listing it and hashing its bytes again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Sum

from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Blob, File, StorageFinding
from portal.storage import BlobMissing, BlobStore, Stored, blob_store
from portal.storage.base import sha256_of

log = logging.getLogger(__name__)

Kind = StorageFinding.Kind
GRACE = timedelta(days=1)  # bytes are stored before their rows; a large folder takes hours
BATCH = 1000
Progress = Callable[[int], object]
Namer = Callable[[Collection[str]], set[str]]
# What else names blobs of the store, beside files of models.
_namers: list[Namer] = []


def also_named_by(namer: Namer) -> None:
    """Have blobs of another app known; ``namer`` returns which of some hashes are its own."""
    _namers.append(namer)


def _named(sha256s: Collection[str]) -> set[str]:
    known = set(Blob.objects.filter(pk__in=sha256s).values_list("sha256", flat=True))
    return known.union(*(namer(sha256s) for namer in _namers))


@dataclass(frozen=True)
class StorageReport:
    """The figures of one run; ``open_findings`` counts those of earlier runs too."""

    checked: int
    size_bytes: int
    stored: int
    open_findings: int


def verify_storage(
    *,
    now: datetime,
    limit_bytes: int | None = None,
    orphans_after: timedelta = GRACE,
    progress: Progress | None = None,
) -> StorageReport:
    """Look for bytes that have changed, are gone, or belong to nothing.

    Listing the store covers all of it; of reading, ``limit_bytes`` are done at most, beginning with
    the blobs that weren't read for longest, and one blob at least. Each blob is settled by itself,
    so that what is broken off goes on at the next run.
    """
    store = blob_store()
    stored = _compare_lists(store, now, orphans_after)
    checked = size = 0
    for blob in _longest_unchecked(limit_bytes):
        fault = _read_again(store, blob, progress)
        _settle(blob.sha256, fault, now, kinds=(Kind.CORRUPT, Kind.MISSING))
        Blob.objects.filter(pk=blob.pk).update(checked_at=now)
        checked, size = checked + 1, size + blob.size_bytes
    return StorageReport(
        checked, size, stored, StorageFinding.objects.filter(mended_at=None).count()
    )


def bytes_to_check(limit_bytes: int | None) -> int:
    """Return how much a run will read, for its progress bar."""
    total = Blob.objects.aggregate(total=Sum("size_bytes"))["total"] or 0
    return total if limit_bytes is None else min(total, limit_bytes)


def _longest_unchecked(limit_bytes: int | None) -> Iterator[Blob]:
    """Yield the blobs that weren't read for longest, up to ``limit_bytes``.

    Their keys are read first: checking a blob moves it to the end of this order.
    """
    order = Blob.objects.order_by(F("checked_at").asc(nulls_first=True), "sha256")
    chosen: list[str] = []
    size = 0
    for sha256, size_bytes in order.values_list("sha256", "size_bytes").iterator():
        if chosen and limit_bytes is not None and size + size_bytes > limit_bytes:
            break
        chosen.append(sha256)
        size += size_bytes
    for start in range(0, len(chosen), BATCH):
        blobs = Blob.objects.in_bulk(chosen[start : start + BATCH])
        yield from (blobs[sha256] for sha256 in chosen[start : start + BATCH] if sha256 in blobs)


def _read_again(store: BlobStore, blob: Blob, progress: Progress | None) -> tuple[Kind, str] | None:
    try:
        with store.open(blob.sha256) as content:
            sha256 = sha256_of(content, progress)
    except BlobMissing:
        return Kind.MISSING, ""
    except OSError as error:
        return Kind.CORRUPT, f"It can’t be read: {error}"
    return None if sha256 == blob.sha256 else (Kind.CORRUPT, f"The bytes hash to {sha256}")


def _compare_lists(store: BlobStore, now: datetime, orphans_after: timedelta) -> int:
    """Find missing blobs and orphans by the store's list; return how many objects it lists."""
    listed: set[str] = set()
    for batch in _batches(store.stored()):
        listed.update(blob.sha256 for blob in batch)
        _look_for_orphans(batch, now, orphans_after)
    for sha256 in Blob.objects.values_list("sha256", flat=True).iterator():
        # The listing takes minutes and isn't a snapshot: a blob may have come since its page.
        if sha256 not in listed and not store.has(sha256):
            _settle(sha256, (Kind.MISSING, ""), now, kinds=(Kind.MISSING,))
    _end_what_is_mended(listed, now)
    return len(listed)


def _end_what_is_mended(listed: set[str], now: datetime) -> None:
    """Close the findings that the list shows to be mended; changed bytes take a reading."""
    standing = StorageFinding.objects.filter(mended_at=None)
    for finding in list(standing.exclude(kind=Kind.CORRUPT)):
        there = finding.sha256 in listed
        named = bool(_named({finding.sha256}))
        if there if finding.kind == Kind.MISSING else (named or not there):
            _settle(finding.sha256, None, now, kinds=(Kind(finding.kind),))


def _look_for_orphans(batch: list[Stored], now: datetime, orphans_after: timedelta) -> None:
    known = _named({blob.sha256 for blob in batch})
    for blob in batch:
        if blob.sha256 not in known and blob.stored_at <= now - orphans_after:
            description = f"{blob.size_bytes:,} bytes, stored {blob.stored_at:%Y-%m-%d %H:%M} UTC"
            _settle(blob.sha256, (Kind.ORPHAN, description), now, kinds=(Kind.ORPHAN,))


def _batches(stored: Iterator[Stored]) -> Iterator[list[Stored]]:
    batch: list[Stored] = []
    for blob in stored:
        batch.append(blob)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


@transaction.atomic
def _settle(
    sha256: str, fault: tuple[Kind, str] | None, now: datetime, *, kinds: tuple[Kind, ...]
) -> None:
    """Open a finding of this fault if none is open; close those of ``kinds`` that are mended."""
    standing = StorageFinding.objects.select_for_update(no_key=True).filter(
        sha256=sha256, kind__in=kinds, mended_at=None
    )
    for finding in standing:
        if fault is None or finding.kind != fault[0]:
            finding.mended_at = now
            finding.save()
            _record(EventType.STORAGE_FAULT_MENDED, finding, now)
    if fault is not None and not standing.filter(kind=fault[0]).exists():
        kind, detail = fault
        finding = StorageFinding.objects.create(
            kind=kind, sha256=sha256, detail=_where(sha256, detail), found_at=now
        )
        log.error("The store and its rows disagree: %s, %s", finding, finding.detail)
        _record(EventType.STORAGE_FAULT_FOUND, finding, now)


def _where(sha256: str, detail: str) -> str:
    """Add to a finding's detail one file that has the blob: that is what a person looks for."""
    files = File.everything.select_related("revision__repo__namespace")
    file = files.filter(blob_id=sha256).first()
    named = f"{file.revision.repo}, {file.path}" if file else ""
    return ". ".join(part for part in (named, detail) if part)[:300]


def _record(event: EventType, finding: StorageFinding, now: datetime) -> None:
    record(
        event,
        actor=None,
        target=finding,
        at=now,
        kind=finding.kind,
        sha256=finding.sha256,
        detail=finding.detail,
    )
