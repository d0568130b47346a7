"""Copy the events that took access away to the log of endings, after their commit, until it holds.

The queue is the table of copies: whatever fails or is killed, the rows stay, and the clock tries
again. A line that was written just before a crash is written again, which does no harm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max

from portal.audit.models import AuditEvent, EndingCopy
from portal.audit.services import GENESIS
from portal.backup.endings.lines import event_line, mark_line, parsed, sha256_of_line
from portal.backup.endings.logs import EndingsLog, endings_log

COPY_LOCK = 0x77_67_65_6E  # one writer at a time, in every process of the installation
MARK_EVERY = timedelta(hours=1)
BATCH = 200


@dataclass(frozen=True)
class _End:
    """The end of a log: the number and hash of its last line, and when that was written."""

    number: int = 0
    sha256: str = GENESIS
    at: datetime | None = None


def copy_endings(*, now: datetime, mark_after: timedelta = MARK_EVERY) -> int:
    """Copy what waits, and mark a time in which nothing did. Return how many were copied.

    Do nothing while another process copies, or where no log is configured. Raise what the log
    raises, with the rows still waiting.
    """
    log = endings_log()
    if log is None:
        return 0
    copied = 0
    while batch := _copy_batch(log, now, mark_after):
        copied += batch
    return copied


@transaction.atomic
def _copy_batch(log: EndingsLog, now: datetime, mark_after: timedelta) -> int:
    if not _is_only_writer():
        return 0
    end = _end_of(log)
    waiting = EndingCopy.objects.filter(copied_at=None).order_by("sequence")
    copies = list(waiting.select_for_update(no_key=True)[:BATCH])
    events = AuditEvent.objects.in_bulk([copy.sequence for copy in copies])
    for copy in copies:
        end = _append_event(log, end, events[copy.sequence])
        copy.line, copy.copied_at = end.number, now
        copy.save(update_fields=["line", "copied_at"])
    if not copies and (end.at is None or end.at <= now - mark_after):
        log.append(end.number + 1, mark_line(end.number + 1, end.sha256, now))
    return len(copies)


def _is_only_writer() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [COPY_LOCK])
        return bool(cursor.fetchone()[0])


def _end_of(log: EndingsLog) -> _End:
    """Read the end of the log itself: a crash may have left a line that no row knows of."""
    known = EndingCopy.objects.aggregate(line=Max("line"))["line"] or 0
    text = log.last(known)
    content = parsed(text) if text else None
    if text is None or content is None:
        return _End()
    return _End(content["line"], sha256_of_line(text), datetime.fromisoformat(content["at"]))


def _append_event(log: EndingsLog, end: _End, event: AuditEvent) -> _End:
    text = event_line(end.number + 1, end.sha256, event)
    log.append(end.number + 1, text)
    return replace(end, number=end.number + 1, sha256=sha256_of_line(text), at=event.at)
