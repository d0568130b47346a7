"""The lines of the log of endings. Each holds the hash of the line before it.

A line is a copy of an audit event, or a mark: a word of the clock that there was no event to copy.
Without marks nobody could tell a log that stopped from a week in which nothing ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.audit.hashing import event_hash
from portal.audit.models import AuditEvent
from portal.audit.services import GENESIS
from portal.backup.errors import LogUnreadable

EVENT = ("sequence", "type", "target_type", "target_id", "data", "salt", "previous_hash", "hash")


@dataclass(frozen=True)
class Line:
    """A line of the log as it was read; ``event`` is None for a mark."""

    number: int
    at: datetime
    sha256: str
    event: AuditEvent | None


def event_line(number: int, previous: str, event: AuditEvent) -> str:
    """Return the line of an event, with all that its hash covers."""
    content = {name: getattr(event, name) for name in EVENT} | {"actor": event.actor_id}
    return _written(number, previous, event.at, event=content)


def mark_line(number: int, previous: str, at: datetime) -> str:
    return _written(number, previous, at)


def sha256_of_line(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _written(number: int, previous: str, at: datetime, **more: Any) -> str:
    line = {"line": number, "previous": previous, "at": at.isoformat(), **more}
    return json.dumps(line, sort_keys=True, separators=(",", ":"))


def read_lines(texts: Iterable[str], first: int = 1) -> Iterator[Line]:
    """Yield the lines of a log in order, from a number on.

    A crash may leave a fragment of a line; the whole line follows it, and the chain shows that
    nothing is missing. So what can't be parsed is passed over. Raise LogUnreadable where a line is
    missing or altered.
    """
    number, previous = first - 1, GENESIS if first == 1 else ""
    for text in texts:
        content = parsed(text)
        if content is None or content["line"] < first:
            continue
        # Who reads from a later line on has no hash to compare the first one's link with.
        is_linked = not previous or content["previous"] == previous
        if content["line"] != number + 1 or not is_linked:
            raise LogUnreadable(
                f"The log of endings is broken after line {number}: what follows doesn’t continue "
                "it. Lines were taken out or changed."
            )
        number, previous = number + 1, sha256_of_line(text)
        yield Line(number, datetime.fromisoformat(content["at"]), previous, _event(content))


def parsed(text: str) -> dict[str, Any] | None:
    """Return what a line says; None for what is no whole line."""
    try:
        content = json.loads(text)
    except ValueError:
        return None
    is_line = isinstance(content, dict) and {"line", "previous", "at"} <= set(content)
    return content if is_line else None


def _event(content: dict[str, Any]) -> AuditEvent | None:
    """Return the event of a line. Raise LogUnreadable where its hash says that it was altered."""
    fields = content.get("event")
    if fields is None:
        return None
    try:
        columns = {name: fields[name] for name in EVENT}
        event = AuditEvent(
            **columns, actor_id=fields["actor"], at=datetime.fromisoformat(content["at"])
        )
        is_whole = event_hash(event) == event.hash
    except (KeyError, TypeError, ValueError, AttributeError):
        is_whole = False
    if not is_whole:
        raise LogUnreadable(
            f"Line {content['line']} of the log of endings was altered: it doesn’t match the hash "
            "of its event."
        )
    return event
