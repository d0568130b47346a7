"""Holds that stand for long: whoever may lift one is asked about it each month."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, CharField, F, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Extract, Floor
from django.urls import reverse

from portal.access.letters.holds import reference_of
from portal.access.letters.mailer import send_to_each
from portal.access.models import Hold
from portal.access.policy.contacts import administrators
from portal.access.reminders.timer import Timer, is_written, locking
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.formatting import whole_date

MONTH = timedelta(days=30)


def holds_to_remind(now: datetime) -> QuerySet[Any]:
    """Select holds placed thirty days ago, or sixty, and so on. ``month`` is that number."""
    seconds = Extract(Value(now) - F("placed_at"), "epoch")
    months = Cast(Floor(seconds / MONTH.total_seconds()), BigIntegerField())
    old: Any = Hold.objects.filter(lifted_at=None, placed_at__lte=now - MONTH)
    old = old.annotate(month=Cast(months, CharField()))
    due: QuerySet[Any] = old.filter(
        ~is_written("hold-", OuterRef("pk"), "-stands-", OuterRef("month"))
    )
    return due


def remind_of_hold(hold: Any, now: datetime) -> None:
    send_to_each(
        _people_for(hold),
        hold.repo,
        kind="hold_reminder",
        key=f"hold-{hold.pk}-stands-{hold.month}",
        facts=lambda: {"placed_on": whole_date(hold.placed_at), "reason": hold.reason},
        reference=reference_of(hold),
        link=("Open the holds", reverse("access:holds")),
        now=now,
    )
    record(EventType.REMINDED, actor=None, target=hold, at=now, of="hold", month=int(hold.month))


def _people_for(hold: Hold) -> list[User]:
    """Return who may lift a hold: one of the whole site, only the operators."""
    if hold.repo is not None:
        return administrators(hold.repo)
    return list(User.objects.operators())


TIMERS = (Timer("hold_reminder", holds_to_remind, remind_of_hold, locking()),)
