"""Tell how far a person's downloads of each revision came: what came, broke off, and is left.

Clients fetch a file in ranges, and fetch some again. What came of a file is the union of these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import BigIntegerRangeField
from django.db.models import Aggregate, Count, F, Func, Max, Q, QuerySet
from django.db.models.functions import Coalesce

from portal.access.policy.policy import Action, may
from portal.accounts.models import User
from portal.catalog.models import File, Revision
from portal.delivery.models import Download

# A request that hasn't ended since then may still run. Of one that a bucket answers, or that a
# killed server left, nobody ever learns the end.
MAY_RUN = timedelta(minutes=10)
SHOWN_FILES = 20  # that are left, of one revision; the rest is counted


@dataclass(frozen=True)
class FileProgress:
    """The part of one file that came.

    ``last_at``: when it was last asked for, None if never. ``is_short``: a request of it got less
    than it asked for.
    """

    file: File
    came_bytes: int
    last_at: datetime | None
    is_short: bool = False

    @property
    def is_whole(self) -> bool:
        return self.last_at is not None and self.came_bytes >= self.file.blob.size_bytes

    @property
    def percent(self) -> int:
        """Return the share that came, rounded down, since 100 is for whole files alone."""
        if self.is_whole:
            return 100
        return min(99, self.came_bytes * 100 // max(self.file.blob.size_bytes, 1))


@dataclass(frozen=True)
class RevisionProgress:
    """The part that came of a revision’s files, of those that the person may download."""

    revision: Revision
    files: list[FileProgress]
    last_at: datetime
    may_run: bool
    is_open: bool

    @property
    def command(self) -> str:
        """Return the commands that go on where those of the model's page broke off."""
        repo = self.revision.repo
        return (
            f"export HF_ENDPOINT={settings.BASE_URL}\n"
            f"hf download {repo.full_name} --revision {self.revision.commit} "
            f"--local-dir {repo.name}"
        )

    @property
    def whole(self) -> list[FileProgress]:
        return [file for file in self.files if file.is_whole]

    @property
    def broken_off(self) -> list[FileProgress]:
        """Return the files of which less came than was asked for; a range alone breaks nothing."""
        return [file for file in self.files if not file.is_whole and file.is_short]

    @property
    def in_part(self) -> list[FileProgress]:
        """Return the files of which what was asked for came, and that was a part."""
        return [
            file for file in self.files if file.last_at and not (file.is_whole or file.is_short)
        ]

    @property
    def untouched(self) -> list[FileProgress]:
        return [file for file in self.files if file.last_at is None]

    @property
    def left(self) -> list[FileProgress]:
        """Return the files that aren't whole, those that were begun first."""
        return [*self.broken_off, *self.in_part, *self.untouched]

    @property
    def shown_left(self) -> list[FileProgress]:
        return self.left[:SHOWN_FILES]

    @property
    def came_bytes(self) -> int:
        return sum(file.came_bytes for file in self.files)

    @property
    def size_bytes(self) -> int:
        return sum(file.file.blob.size_bytes for file in self.files)

    @property
    def percent(self) -> int:
        if not self.left:
            return 100
        return min(99, self.came_bytes * 100 // max(self.size_bytes, 1))


@dataclass(frozen=True)
class _Came:
    """The part of one blob that came, however many files of the repo have its bytes."""

    size_bytes: int
    last_at: datetime
    is_short: bool


Blobs = Mapping[tuple[int, str], _Came]  # by repo and blob


def downloaded_revisions(person: User) -> QuerySet[Any, Any]:
    """Select the revisions that a person downloaded something of, the last one first."""
    rows = Download.objects.filter(person=person).order_by().values("revision")
    return rows.annotate(last_at=Max("started_at")).order_by("-last_at", "-revision")


def progress_of(
    person: User, rows: Sequence[dict[str, Any]], now: datetime
) -> list[RevisionProgress]:
    """Return how far a page of ``downloaded_revisions`` came, in the same order.

    A file whose bytes came with another revision of the model counts as come: clients keep the
    files of each model by their hash.
    """
    keys = [row["revision"] for row in rows]
    related = ("repo__namespace", "repo__licence")
    revisions = Revision.everything.select_related(*related).in_bulk(keys)
    files = _files_by_revision(keys)
    came = _came(person, {file.blob_id for listed in files.values() for file in listed})
    running = _running(person, keys, now)
    return [
        _progress(
            person, revisions[key], files.get(key, []), came, now,
            last_at=row["last_at"], may_run=key in running,
        )
        for key, row in zip(keys, rows, strict=True)
    ]  # fmt: skip


def _files_by_revision(keys: Iterable[int]) -> dict[int, list[File]]:
    by_revision: dict[int, list[File]] = {}
    for file in File.everything.filter(revision__in=keys).select_related("blob"):
        by_revision.setdefault(file.revision_id, []).append(file)
    return by_revision


def _came(person: User, blobs: Collection[str]) -> Blobs:
    """Add up what came of each of these blobs, by its model, in one query."""
    end = F("range_start") + Coalesce("bytes_sent", "length_bytes")
    span = Func(F("range_start"), end, function="int8range", output_field=BigIntegerRangeField())
    sent = Download.objects.filter(
        person=person, file__blob__in=blobs, status_code__lt=HTTPStatus.BAD_REQUEST
    )
    rows = sent.order_by().values_list("revision__repo", "file__blob")
    short = Count("pk", filter=Q(bytes_sent__lt=F("length_bytes")))
    summed = rows.annotate(spans=_RangeAgg(span), last=Max("started_at"), short=short)
    return {
        (repo, blob): _Came(sum(it.upper - it.lower for it in spans), last_at, short > 0)
        for repo, blob, spans, last_at, short in summed
    }


class _RangeAgg(Aggregate):
    """The union of ranges, as one multirange."""

    function = "range_agg"
    output_field = BigIntegerRangeField()


def _running(person: User, keys: Iterable[int], now: datetime) -> set[int]:
    """Find the revisions of which a request hasn't ended, and began a short while ago."""
    unended = Download.objects.filter(
        person=person, revision__in=keys, ended_at=None, started_at__gt=now - MAY_RUN
    )
    return set(unended.order_by().values_list("revision", flat=True))


def _progress(
    person: User,
    revision: Revision,
    files: Iterable[File],
    came: Blobs,
    now: datetime,
    *,
    last_at: datetime,
    may_run: bool,
) -> RevisionProgress:
    permission = may(person, Action.DOWNLOAD, revision, now)
    return RevisionProgress(
        revision,
        [
            _file_progress(file, came.get((revision.repo_id, file.blob_id)))
            for file in files
            if not permission.allowed or permission.covers(file.path)
        ],
        last_at=last_at,
        may_run=may_run,
        is_open=permission.allowed,
    )


def _file_progress(file: File, came: _Came | None) -> FileProgress:
    if came is None:
        return FileProgress(file, 0, None)
    size_bytes = min(came.size_bytes, file.blob.size_bytes)
    return FileProgress(file, size_bytes, came.last_at, came.is_short)
