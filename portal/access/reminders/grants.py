"""Expiry reminders: emails before and at the end of a grant.

The end itself is derived from the grant's own times, so nothing here opens or closes anything.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import Address, holder_of, send
from portal.access.models import Grant, Renewal
from portal.access.querysets import GrantQuerySet
from portal.access.reminders.timer import GONE_LONG, Timer, is_written, locking
from portal.audit.events import EventType
from portal.audit.services import record
from portal.formatting import whole_date

BEFORE_THE_END = (timedelta(days=60), timedelta(days=30), timedelta(days=7))
CLOSEOUT = timedelta(days=30)  # after the end
GONE = _("State that the copies are gone")


def with_reference(address: Address) -> Address:
    return replace(address, about=f"{address.about}, {address.reference}")


def _begun() -> GrantQuerySet[Any]:
    """Select grants that nobody ended and none renews. ``ends`` is their last moment."""
    renewed = Grant.objects.unrevoked().filter(parent=OuterRef("pk"))
    return Grant.objects.begun().filter(~Exists(renewed))


def grants_to_remind(now: datetime) -> QuerySet[Any]:
    """Select grants 60, 30 and 7 days before their end.

    Those under notice, or whose renewal is asked for, are left out. Each reminder has the time up
    to the next one, so that one that was missed isn't made up.
    """
    due: Any = Q(pk__in=[])
    for before, following in pairwise((*BEFORE_THE_END, timedelta(0))):
        within = Q(ends__lte=now + before, ends__gt=now + following)
        begun_earlier = Q(starts_at__lt=F("ends") - before)
        key = f"-ends-in-{before.days}"
        due |= within & begun_earlier & ~is_written("grant-", OuterRef("pk"), key)
    renewal = Renewal.objects.filter(grant=OuterRef("pk"), decided_at=None)
    return _begun().without_notice().filter(due, ~Exists(renewal))


def remind_of_grant(grant: Any, now: datetime) -> None:
    days = min(before for before in BEFORE_THE_END if grant.ends <= now + before).days
    send(
        with_reference(holder_of(grant)).linked(_("Renew the access")),
        kind="grant_reminder",
        key=f"ends-in-{days}",
        facts=lambda: {"ends_on": whole_date(grant.expires_at)},
        now=now,
    )
    record(EventType.REMINDED, actor=None, target=grant, at=now, of="grant", days=days)


def grants_ended(now: datetime) -> QuerySet[Any]:
    """Select grants that ended lately, and whose holder hasn't been told."""
    over = _begun().filter(ends__lte=now, ends__gt=now - CLOSEOUT)
    return over.filter(~is_written("grant-", OuterRef("pk"), "-ended"))


def tell_grant_ended(grant: Any, now: datetime) -> None:
    """Tell the holder that the grant has ended."""
    send(
        with_reference(holder_of(grant)).linked(GONE),
        kind="grant_ended",
        key="ended",
        facts=lambda: {"ended_on": whole_date(grant.ends)},
        now=now,
    )
    record(EventType.GRANT_ENDED, actor=None, target=grant, at=now)


def grants_without_closeout(now: datetime) -> QuerySet[Any]:
    """Select grants whose holder was asked for a closing statement a month ago."""
    a_month_ago = now - CLOSEOUT
    over = _begun().filter(ends__lte=a_month_ago, ends__gt=a_month_ago - GONE_LONG)
    # Without the first letter the second would remind of something never asked for.
    asked_for = is_written("grant-", OuterRef("pk"), "-ended")
    reminded = is_written("grant-", OuterRef("pk"), "-closeout-reminder")
    return over.filter(asked_for, ~reminded)


def remind_of_closeout(grant: Any, now: datetime) -> None:
    """Remind the holder of the closing statement, once."""
    send(
        with_reference(holder_of(grant)).linked(GONE),
        kind="closeout_reminder",
        key="closeout-reminder",
        facts=lambda: {"ended_on": whole_date(grant.ends)},
        now=now,
    )
    record(EventType.REMINDED, actor=None, target=grant, at=now, of="closeout")


_LOCK = locking("repo__namespace", "person")
TIMERS = (
    Timer("grant_reminder", grants_to_remind, remind_of_grant, _LOCK),
    Timer("grant_ended", grants_ended, tell_grant_ended, _LOCK),
    Timer("closeout_reminder", grants_without_closeout, remind_of_closeout, _LOCK),
)
