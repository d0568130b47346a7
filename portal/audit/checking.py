"""Reading the chain from its first event, and naming the first thing that is wrong with it."""

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

AT_ONCE = 2000
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Fault:
    """The first event that does not agree with the chain, and how.

    ``kind``: missing, inserted, link, content; rebuilt or cut, where a published head tells; or
    heads, where the published heads themselves disagree.
    """

    sequence: int
    kind: str
    reason: str
    at: datetime | None = None
    type: str = ""
    day: str = ""


@dataclass
class Report:
    """What a reading of the whole chain found. ``head`` is the last event's hash."""

    events: int = 0
    head: str = ""
    heads_checked: int = 0
    fault: Fault | None = None


def verify_chain(heads: Iterable[Head] = (), *, progress: Progress = lambda number: None) -> Report:
    """Check each event, and each published head, here and in ``heads``: somebody's older copy.

    Events are streamed. The first fault in the chain's order ends the reading.
    """
    with transaction.atomic():  # a cursor that stays open needs one
        published = list(published_heads())
        copied = list(heads)
        wanted = _by_sequence([*published, *copied])
        report = Report(heads_checked=sum(len(each) for each in wanted.values()))
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


def _faults(report: Report, wanted: dict[int, set[Head]], progress: Progress) -> Iterator[Fault]:
    sequence, previous_hash = 0, GENESIS
    for event in AuditEvent.objects.order_by("sequence").iterator(AT_ONCE):
        if how := _what_is_wrong(event, sequence + 1, previous_hash):
            yield _fault(event, *how)
        for head in sorted(wanted.get(event.sequence, ()), key=str):
            if head.hash != event.hash:
                yield _rebuilt(event, head)
        sequence, previous_hash = event.sequence, event.hash
        report.events, report.head = report.events + 1, event.hash
        if report.events % AT_ONCE == 0:
            progress(report.events)


def _what_is_wrong(
    event: AuditEvent, expected_sequence: int, previous_hash: str
) -> tuple[int, str, str] | None:
    """The sequence to name, the kind and the words; None if it is sound."""
    if event.sequence > expected_sequence:
        words = f"missing: the chain goes on at {event.sequence}"
        return expected_sequence, "missing", words
    if event.sequence < expected_sequence:
        return event.sequence, "inserted", "it stands before the chain’s first event"
    if event.previous_hash != previous_hash:
        return event.sequence, "link", "its link to the event before it is broken"
    if event_hash(event) != event.hash:
        return event.sequence, "content", "its content does not match its hash"
    return None


def _fault(event: AuditEvent, sequence: int, kind: str, reason: str) -> Fault:
    """What is missing bears no time; the event after it does."""
    return Fault(sequence, kind, reason, at=event.at, type="" if kind == "missing" else event.type)


def _rebuilt(event: AuditEvent, head: Head) -> Fault:
    reason = (
        f"the chain was rebuilt: the head of {head.when} was published with hash "
        f"{head.hash[:16]}…, and this event has {event.hash[:16]}…"
    )
    return Fault(event.sequence, "rebuilt", reason, event.at, event.type, str(head.day))


def _cut(report: Report, wanted: dict[int, set[Head]]) -> Fault | None:
    """The earliest head that names an event past the chain's end."""
    beyond = [head for heads in wanted.values() for head in heads if head.sequence > report.events]
    if not beyond:
        return None
    head = min(beyond, key=lambda each: (each.sequence, each.day))
    reason = f"the chain was cut: the head of {head.when} was published as event {head.sequence}"
    return Fault(report.events + 1, "cut", reason, day=str(head.day))


def _emptied(report: Report) -> Fault | None:
    """Report a chain without events where people have signed up, since that is always recorded."""
    signed_up = get_user_model().objects.filter(is_superuser=False)
    if report.events or not signed_up.exists():
        return None
    reason = "the chain was emptied: people have accounts here, and no event is left"
    return Fault(1, "cut", reason)


def _heads_changed(published: list[Head], copied: list[Head]) -> Fault | None:
    """Both may name true events, and yet not say the same of a day."""
    by_day = {head.day: head for head in published}
    for head in sorted(copied, key=lambda each: each.day):
        if head.hour is not None:
            continue  # it is compared with the chain alone
        ours = by_day.get(head.day)
        if ours != head:
            says = f"as event {ours.sequence}" if ours else "no more"
            reason = (
                f"the published heads were changed: {head.day} was published as event "
                f"{head.sequence}, and now {says}"
            )
            return Fault(head.sequence, "heads", reason, day=str(head.day))
    return None
