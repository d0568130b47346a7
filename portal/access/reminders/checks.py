"""Checks of holders and members that wait too long for a person's word."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from portal.access.grants.checks.clearing import RELATED
from portal.access.letters.checks import LATE, tell_people
from portal.access.models import Screening
from portal.access.policy.contacts import administrators, owners
from portal.access.reminders.timer import TO_OWNERS, Timer, is_written, letters, locking
from portal.audit.events import EventType
from portal.audit.services import record


def checks_late(now: datetime) -> QuerySet[Any]:
    """Select checks past their due date, of which nobody has been reminded."""
    late = Screening.objects.open_at(now).filter(due_at__lte=now)
    return late.filter(~is_written("check-", OuterRef("pk"), "-late"))


def remind_of_check(screening: Screening, now: datetime) -> None:
    people = administrators(screening.under.repo)
    tell_people(screening, people, key="late", news=LATE, now=now)
    record(EventType.REMINDED, actor=None, target=screening.right, at=now, of="check")


def checks_still_late(now: datetime) -> QuerySet[Any]:
    """Select checks a week past their due date, of which the owners haven't been told."""
    week_ago = now - TO_OWNERS
    late = Screening.objects.open_at(now).filter(due_at__lte=week_ago)
    reminded = letters("check-", OuterRef("pk"), "-late", created_at__lte=week_ago)
    return late.filter(Exists(reminded), ~is_written("check-", OuterRef("pk"), "-still-late"))


def escalate_check(screening: Screening, now: datetime) -> None:
    """Tell the owners of a check that the administrators left for a week."""
    people = owners(screening.under.repo)
    tell_people(screening, people, key="still-late", news=LATE, now=now)
    record(EventType.REMINDED, actor=None, target=screening.right, at=now, of="check", level=2)


_LOCK = locking(*RELATED)
TIMERS = (
    Timer("check_late", checks_late, remind_of_check, _LOCK),
    Timer("check_still_late", checks_still_late, escalate_check, _LOCK),
)
