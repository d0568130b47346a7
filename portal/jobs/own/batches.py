"""Present a person's own batches: how far each is, its times, its files and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.tokens.authentication import Caller
from portal.formatting import duration_words, thousands
from portal.jobs.batches.capturing import capture_file_ids
from portal.jobs.batches.files import files_of, find_file
from portal.jobs.batches.models import OPEN_BATCHES, Batch, StoredFile
from portal.jobs.batches.public_ids import BATCH_PREFIX, FILE_PREFIX, spelt
from portal.jobs.batches.retention import kept_until
from portal.jobs.batches.submitting import batches_of
from portal.jobs.errors import StoredFileNotFound

LEAST_ENDED = 3  # lines from which a pace can be told
MOST_SHARDS = 100  # on a page
FILES = {
    "input": gettext_lazy("Requests"),
    "output": gettext_lazy("Answers"),
    "error": gettext_lazy("Lines without an answer"),
    "captures": gettext_lazy("Index of captures"),
}
TIMES = {
    "created_at": gettext_lazy("Sent"),
    "in_progress_at": gettext_lazy("File read, lines run from"),
    "failed_at": gettext_lazy("Failed"),
    "cancelling_at": gettext_lazy("Cancel asked for"),
    "expired_at": gettext_lazy("Time was up"),
    "finalizing_at": gettext_lazy("Last line ended"),
    "cancelled_at": gettext_lazy("Cancelled"),
    "completed_at": gettext_lazy("Completed"),
}


@dataclass(frozen=True)
class BatchFile:
    """A file of a batch; ``file`` is None once it is deleted, or while the batch still writes."""

    kind: str
    file: StoredFile | None

    @property
    def label(self) -> str:
        number = self.kind.partition("-")[2]
        if number:
            return _("Captures, file %(number)s") % {"number": number}
        return str(FILES[self.kind])

    @property
    def kept_until(self) -> datetime | None:
        return kept_until(self.file) if self.file else None


@dataclass(frozen=True)
class ShownBatch:
    """A batch as pages show it at one moment."""

    batch: Batch
    now: datetime

    @property
    def public_id(self) -> str:
        return spelt(BATCH_PREFIX, self.batch.pk)

    @property
    def ended(self) -> int:
        return self.batch.completed + self.batch.failed

    @property
    def in_words(self) -> str:
        """Say how many lines have ended, of how many, in one phrase."""
        batch = self.batch
        if batch.state == Batch.State.FAILED:
            return ""
        if not batch.total:
            return _("not read yet") if batch.is_open else ""
        text = _("%(ended)s of %(all)s ended")
        if batch.failed:
            text = _("%(ended)s of %(all)s ended, %(failed)s without an answer")
        return text % {
            "ended": thousands(self.ended),
            "all": thousands(batch.total),
            "failed": thousands(batch.failed),
        }

    @property
    def waiting_for(self) -> str:
        """Return why the lines that are left wait; "" while they run."""
        is_running = self.batch.state == Batch.State.IN_PROGRESS
        return self.batch.waiting_for if is_running else ""

    @property
    def outlook(self) -> str:
        return _("the rest waits") if self.waiting_for else self.estimate

    @cached_property
    def estimate(self) -> str:
        """Say about how long the rest takes; "" where nothing tells."""
        left = self._time_left()
        if left is None:
            return ""
        if self.now + left > self.batch.expires_at:
            return _("at the pace so far it expires before its end")
        return _("%(time)s left at the pace so far") % {"time": duration_words(left)}

    def _time_left(self) -> timedelta | None:
        batch = self.batch
        began = batch.in_progress_at if batch.state == Batch.State.IN_PROGRESS else None
        if began is None or batch.waiting_for:
            return None
        if self.ended < LEAST_ENDED or self.ended >= batch.total:
            return None
        passed = self.now - began
        return passed / self.ended * (batch.total - self.ended)

    @property
    def times(self) -> list[tuple[str, datetime]]:
        """Return what has happened, in its order."""
        moments = ((str(label), getattr(self.batch, name)) for name, label in TIMES.items())
        happened = [(label, moment) for label, moment in moments if moment]
        return sorted(happened, key=lambda item: item[1])


def shown(batches: Iterable[Batch], now: datetime) -> list[ShownBatch]:
    return [ShownBatch(batch, now) for batch in batches]


def open_batches(caller: Caller, now: datetime) -> list[ShownBatch]:
    """Return those that haven't ended, of which a person has few."""
    return shown(batches_of(caller).filter(state__in=OPEN_BATCHES), now)


def files_of_batch(caller: Caller, batch: Batch) -> list[BatchFile]:
    """Return the files that a batch has had, in one query."""
    ids = batch.file_ids
    if "captures" in ids:
        shards = capture_file_ids(batch)[:MOST_SHARDS]
        ids |= {f"captures-{number}": file_id for number, file_id in enumerate(shards, 1)}
    files = {file.pk: file for file in files_of(caller).filter(pk__in=ids.values())}
    return [BatchFile(kind, files.get(file_id)) for kind, file_id in ids.items()]


def find_file_of_batch(caller: Caller, batch: Batch, kind: str) -> StoredFile:
    """Find a file of one's own batch, by the rules of /v1/files. Raises StoredFileNotFound."""
    file_id = _shard_id(batch, kind) or batch.file_ids.get(kind)
    if file_id is None:
        raise StoredFileNotFound
    return find_file(caller=caller, public_id=spelt(FILE_PREFIX, file_id))


def _shard_id(batch: Batch, kind: str) -> UUID | None:
    """Return the id of a file of captures by its number, as in ``captures-3``."""
    _, _, number = kind.partition("-")
    shard = batch.capture_shards.filter(number=int(number)).first() if number else None
    return shard.file_id if shard else None
