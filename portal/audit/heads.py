"""Publish the chain's heads, each day's and the last hour's, so that others can keep copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from portal.audit.models import AuditEvent, ChainHead

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Head:
    """The last event of a UTC day, or before an hour of it. ``str`` is its line in heads.txt."""

    day: date
    sequence: int
    hash: str
    hour: int | None = None

    def __str__(self) -> str:
        return f"{self.when} {self.sequence} {self.hash}"

    @property
    def when(self) -> str:
        """Return the day, or the day and the hour before which the event stands."""
        day = self.day.isoformat()
        return day if self.hour is None else f"{day}T{self.hour:02}:00Z"

    @property
    def words(self) -> str:
        """Return a line for a letter, with enough of the hash to recognise it."""
        return _("Record head of %(day)s: %(line)s") % {
            "day": self.day.isoformat(),
            "line": f"{self.sequence} {self.hash[:16]}…",
        }


def heads_text(now: datetime) -> str:
    """Return heads.txt: a line for each day, oldest first, and one for the last hour."""
    hourly = hourly_head(now)
    heads = [*published_heads(), *([hourly] if hourly else [])]
    return "".join(f"{head}\n" for head in heads)


def published_heads() -> Iterator[Head]:
    """Yield the days' heads, oldest first."""
    rows = ChainHead.objects.order_by("day").values_list("day", "sequence", "hash")
    return (Head(*row) for row in rows.iterator(2000))


def hourly_head(now: datetime) -> Head | None:
    """Return the last event before the hour, where no day's head names it yet.

    It isn't stored: whoever can cut the chain could cut a stored head, too. Only a copy that
    somebody else took proves anything.
    """
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    before = AuditEvent.objects.filter(at__lt=hour).order_by("-sequence")
    event = before.values_list("sequence", "hash").first()
    last = latest_head(now)
    if event is None or (last is not None and event[0] <= last.sequence):
        return None
    return Head(hour.date(), *event, hour=hour.hour)


def latest_head(now: datetime) -> Head | None:
    """Return the newest published head; None while no whole day has passed."""
    rows = ChainHead.objects.filter(day__lt=_utc_day(now)).order_by("-day")
    row = rows.values_list("day", "sequence", "hash").first()
    return Head(*row) if row else None


@transaction.atomic
def publish_heads(now: datetime) -> int:
    """Publish the head of each day that has ended since the last one, and return their number.

    A day's head is the last event, in the chain's order, that bears the day's date or one before
    it; a day with no event repeats the head before. Publishing again changes nothing.
    """
    today = _utc_day(now)
    last = latest_head(now)
    tops = _tops(last.sequence if last else 0, today)
    if last is None and not tops:
        return 0
    first = last.day + ONE_DAY if last else min(tops)
    heads = list(_heads(last, tops, first, today))
    ChainHead.objects.bulk_create(
        [
            ChainHead(day=head.day, sequence=head.sequence, hash=head.hash, published_at=now)
            for head in heads
        ],
        ignore_conflicts=True,  # another process was first
        batch_size=500,
    )
    return len(heads)


def _utc_day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _tops(after: int, today: date) -> dict[date, tuple[int, str]]:
    """Return the last event of each day before ``today``, past the sequence ``after``."""
    midnight = datetime.combine(today, time(), UTC)
    newer = AuditEvent.objects.filter(sequence__gt=after, at__lt=midnight)
    by_day = newer.annotate(day=TruncDate("at", tzinfo=UTC)).values("day").order_by("day")
    tops = dict(by_day.annotate(top=Max("sequence")).values_list("day", "top"))
    events = AuditEvent.objects.filter(pk__in=tops.values()).values_list("sequence", "hash")
    hashes = dict(events)
    return {day: (top, hashes[top]) for day, top in tops.items()}


def _heads(
    last: Head | None, tops: dict[date, tuple[int, str]], first: date, today: date
) -> Iterator[Head]:
    """Yield a head for each day from ``first``; a backdated event counts for the first of them."""
    # Published heads never change, so what is dated before them can only count from now on.
    early = [top for day, top in tops.items() if day < first]
    known = [(last.sequence, last.hash)] if last else []
    sequence, digest = max([*known, *early], default=(0, ""))
    for number in range((today - first).days):
        day = first + number * ONE_DAY
        sequence, digest = max((sequence, digest), tops.get(day, (0, "")))
        yield Head(day, sequence, digest)
