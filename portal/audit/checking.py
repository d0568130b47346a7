"""Read the hash chain from its first event, and name the first thing that is wrong with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import get_user_model
from django.db import transaction

from portal.audit.hashing import event_hash
from portal.audit.heads import Head, published_heads
from portal.audit.models import AuditEvent
from portal.audit.services import GENESIS

BATCH = 2000
OnProgress = Callable[[int], None]


@dataclass(frozen=True)
class Fault:
    """The first event that does not agree with the chain, and how.

    ``kind`` is missing, inserted, link or content; rebuilt or cut, where a published head tells; or
    heads, where the published heads and a copy of them disagree.
    """

    sequence: int
    kind: str
    reason: str
    at: datetime | None = None
    type: str = ""
    day: str = ""


@dataclass
class ChainReport:
    """The result of reading the whole chain. ``head`` is the last event's hash."""

    events: int = 0
    head: str = ""
    heads_checked: int = 0
    fault: Fault | None = None


def verify_chain(
    heads: Iterable[Head] = (), *, progress: OnProgress = lambda number: None
) -> ChainReport:
    """Check each event, the published heads, and ``heads``, which are somebody's older copy.

    Events are streamed. The first fault in the chain's order ends the reading.
    """
    with transaction.atomic():  # a cursor that stays open needs one
        published = list(published_heads())
        copied = list(heads)
        wanted = _by_sequence([*published, *copied])
        report = ChainReport(heads_checked=sum(map(len, wanted.values())))
        # In this order: a fault within the chain is named before what only the heads show.
        report.fault = (
            next(_faults(report, wanted, progress), None)
            or _cut(report, wanted)
            or _emptied(report)
            or _heads_changed(published, copied)
        )
    return report


def _by_sequence(heads: Iterable[Head]) -> dict[int, set[Head]]:
    wanted: dict[int, set[Head]] = defaultdict(set)
    for head in heads:
        wanted[head.sequence].add(head)
    return dict(wanted)


def _faults(
    report: ChainReport, wanted: dict[int, set[Head]], progress: OnProgress
) -> Iterator[Fault]:
    sequence, previous_hash = 0, GENESIS
    for event in AuditEvent.objects.order_by("sequence").iterator(BATCH):
        if fault := _fault_of(event, sequence + 1, previous_hash):
            yield fault
        for head in sorted(wanted.get(event.sequence, ()), key=str):
            if head.hash != event.hash:
                yield _rebuilt(event, head)
        sequence, previous_hash = event.sequence, event.hash
        report.events, report.head = report.events + 1, event.hash
        if report.events % BATCH == 0:
            progress(report.events)


def _fault_of(event: AuditEvent, expected_sequence: int, previous_hash: str) -> Fault | None:
    """Check an event by itself and against the one before it.

    A gap is reported before a broken link, since every gap breaks the link too.
    """
    if event.sequence > expected_sequence:
        # The missing event has no time of its own; that of the next one says where to look.
        reason = f"missing: the chain goes on at {event.sequence}"
        return Fault(expected_sequence, "missing", reason, at=event.at)
    if event.sequence < expected_sequence:
        kind, reason = "inserted", "it stands before the chain’s first event"
    elif event.previous_hash != previous_hash:
        kind, reason = "link", "its link to the event before it is broken"
    elif event_hash(event) != event.hash:
        kind, reason = "content", "its content does not match its hash"
    else:
        return None
    return Fault(event.sequence, kind, reason, event.at, event.type)


def _rebuilt(event: AuditEvent, head: Head) -> Fault:
    reason = (
        f"the chain was rebuilt: the head of {head.when} was published with hash "
        f"{head.hash[:16]}…, and this event has {event.hash[:16]}…"
    )
    return Fault(event.sequence, "rebuilt", reason, event.at, event.type, str(head.day))


def _cut(report: ChainReport, wanted: dict[int, set[Head]]) -> Fault | None:
    """Report the earliest head that names an event past the chain's end."""
    beyond = [head for heads in wanted.values() for head in heads if head.sequence > report.events]
    if not beyond:
        return None
    head = min(beyond, key=lambda late: (late.sequence, late.day))
    reason = f"the chain was cut: the head of {head.when} was published as event {head.sequence}"
    return Fault(report.events + 1, "cut", reason, day=str(head.day))


def _emptied(report: ChainReport) -> Fault | None:
    """Report a chain without events where people have signed up, since that is always recorded."""
    signed_up = get_user_model().objects.filter(is_superuser=False)
    if report.events or not signed_up.exists():
        return None
    reason = "the chain was emptied: people have accounts here, and no event is left"
    return Fault(1, "cut", reason)


def _heads_changed(published: list[Head], copied: list[Head]) -> Fault | None:
    """Report the first day of which the published heads and the copy name different events.

    Both events may be true ones, so reading the chain alone doesn't tell.
    """
    published_by_day = {head.day: head for head in published}
    daily = (head for head in copied if head.hour is None)  # hours are compared with the chain
    for head in sorted(daily, key=lambda copy: copy.day):
        current = published_by_day.get(head.day)
        if current != head:
            now_says = f"as event {current.sequence}" if current else "no more"
            reason = (
                f"the published heads were changed: {head.day} was published as event "
                f"{head.sequence}, and now {now_says}"
            )
            return Fault(head.sequence, "heads", reason, day=str(head.day))
    return None
