"""Read from the log of endings what a backup doesn't know, or why that can't be known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from portal.audit.models import AuditEvent, EndingCopy
from portal.backup.endings.lines import Line, read_lines
from portal.backup.endings.logs import EndingsLog
from portal.backup.errors import LogUnreadable
from portal.backup.manifest import BackupManifest

STOPPED_AFTER = timedelta(days=1)  # it has a mark each hour
NONE_CONFIGURED = "no log of endings is configured"


@dataclass(frozen=True)
class Since:
    """The endings since a backup; ``unknown`` says why the log doesn't tell them all."""

    events: list[AuditEvent] = field(default_factory=list)
    reaches_to: datetime | None = None
    unknown: str = ""


def endings_since(manifest: BackupManifest, log: EndingsLog | None, now: datetime) -> Since:
    """Return the endings past a backup. Those of a log that is cut are returned as far as it goes.

    The log has to reach past the backup, and almost to this moment: one that stopped before may
    lack anything.
    """
    if log is None:
        return Since(unknown=NONE_CONFIGURED)
    lines: list[Line] = []
    try:
        for line in _lines(manifest, log):
            lines.append(line)  # as far as it goes, if a later one is broken  # noqa: PERF402
    except LogUnreadable as error:
        return _found(lines, error.message)
    except Exception as error:  # noqa: BLE001 (of a file or a bucket, whatever it may be)
        return _found(lines, f"the log of endings can’t be read: {error}")
    if not lines and log.last(0) is None:
        return Since(unknown=f"there is no log of endings at {settings.ENDINGS_LOG}")
    newest = lines[-1].at if lines else None
    if newest is None or newest < manifest.made:
        return _found(lines, "the log of endings ends before the backup was made")
    if newest < now - STOPPED_AFTER:
        return _found(lines, f"the log of endings ends on {newest:%Y-%m-%d %H:%M} UTC")
    return _found(lines)


def _lines(manifest: BackupManifest, log: EndingsLog) -> Iterator[Line]:
    """Yield the lines from the last one on that the backup knows."""
    known = manifest.endings_line
    first = max(1, known)
    for line in read_lines(log.texts(first), first):
        if line.number == known:
            _require_own(line)
        yield line


def _require_own(line: Line) -> None:
    """Raise LogUnreadable where the restored database has copied another event to this line."""
    copied = EndingCopy.objects.filter(line=line.number).values("sequence")
    own = AuditEvent.objects.filter(sequence__in=copied).values_list("hash", flat=True).first()
    if line.event is None or line.event.hash != own:
        raise LogUnreadable("The log of endings is another database’s.")


def _found(lines: list[Line], unknown: str = "") -> Since:
    events = [line.event for line in lines if line.event is not None]
    return Since(events, lines[-1].at if lines else None, unknown)
