"""Letters before and at the end of offers, grants, renewals and holds. The end itself is derived
from the row's own times, so nothing here opens or closes anything."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from portal.access.deadlines import due
from portal.access.letters import grant_deadlines, team_deadlines
from portal.access.models import Grant, Hold, Renewal
from portal.access.policy.contacts import administrators, owners
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record


def _grant(found: QuerySet[Any], grant_id: int) -> Any:
    locked = found.select_for_update(of=("self",), skip_locked=True)
    return locked.select_related("repo__namespace", "person").filter(pk=grant_id).first()


def _page(grant: Grant) -> str:
    return reverse("access:grant", args=[grant.pk])


@transaction.atomic
def remind_of_offer(*, grant_id: int, now: datetime) -> bool:
    offer = _grant(due.offers_to_remind(now), grant_id)
    if offer is None:
        return False
    grant_deadlines.send_offer_reminder(offer, offer.ends, now=now)
    record(EventType.REMINDED, actor=None, target=offer, at=now, of="offer")
    return True


@transaction.atomic
def tell_offer_lapsed(*, grant_id: int, now: datetime) -> bool:
    offer = _grant(due.offers_lapsed(now), grant_id)
    if offer is None:
        return False
    grant_deadlines.send_offer_lapsed(offer, offer.ends, now=now)
    record(EventType.GRANT_OFFER_LAPSED, actor=None, target=offer, at=now)
    return True


@transaction.atomic
def remind_of_grant(*, grant_id: int, now: datetime) -> bool:
    grant = _grant(due.grants_to_remind(now), grant_id)
    if grant is None:
        return False
    days = due.grant_reminder_days(grant.ends, now)
    grant_deadlines.send_grant_reminder(grant, days=days, page=_page(grant), now=now)
    record(EventType.REMINDED, actor=None, target=grant, at=now, of="grant", days=days)
    return True


@transaction.atomic
def tell_grant_ended(*, grant_id: int, now: datetime) -> bool:
    grant = _grant(due.grants_ended(now), grant_id)
    if grant is None:
        return False
    grant_deadlines.send_grant_ended(grant, grant.ends, page=_page(grant), now=now)
    record(EventType.GRANT_ENDED, actor=None, target=grant, at=now)
    return True


@transaction.atomic
def remind_of_closeout(*, grant_id: int, now: datetime) -> bool:
    grant = _grant(due.grants_without_closeout(now), grant_id)
    if grant is None:
        return False
    grant_deadlines.send_closeout_reminder(grant, grant.ends, page=_page(grant), now=now)
    record(EventType.REMINDED, actor=None, target=grant, at=now, of="closeout")
    return True


def _renewal(found: QuerySet[Renewal], renewal_id: int) -> Renewal | None:
    locked = found.select_for_update(of=("self",), skip_locked=True)
    whole = locked.select_related("grant__repo__namespace", "grant__person")
    renewal: Renewal | None = whole.filter(pk=renewal_id).first()
    return renewal


@transaction.atomic
def escalate_renewal(*, renewal_id: int, now: datetime) -> bool:
    """As with requests: the administrators see to it, and the holder is told."""
    renewal = _renewal(due.renewals_overdue(now), renewal_id)
    if renewal is None:
        return False
    grant = renewal.grant
    team_deadlines.tell_renewal_late(
        renewal, administrators(grant.repo), page=_page(grant), now=now
    )
    record(EventType.RENEWAL_OVERDUE, actor=None, target=renewal, at=now, level=1)
    return True


@transaction.atomic
def escalate_renewal_to_owners(*, renewal_id: int, now: datetime) -> bool:
    renewal = _renewal(due.renewals_still_overdue(now), renewal_id)
    if renewal is None:
        return False
    grant = renewal.grant
    team_deadlines.tell_renewal_people(
        renewal, owners(grant.repo), level=2, page=_page(grant), now=now
    )
    record(EventType.RENEWAL_OVERDUE, actor=None, target=renewal, at=now, level=2)
    return True


@transaction.atomic
def remind_of_hold(*, hold_id: int, now: datetime) -> bool:
    """Held back for long is for somebody to end, one way or the other."""
    locked = due.holds_to_remind(now).select_for_update(of=("self",), skip_locked=True)
    hold: Any = locked.filter(pk=hold_id).first()
    if hold is None:
        return False
    team_deadlines.ask_about_hold(
        hold, _holders_of(hold), month=hold.month, page=reverse("access:holds"), now=now
    )
    record(EventType.REMINDED, actor=None, target=hold, at=now, of="hold", month=int(hold.month))
    return True


def _holders_of(hold: Hold) -> list[User]:
    """Who may lift it: a site-wide one only the operators."""
    if hold.repo is not None:
        return administrators(hold.repo)
    return list(User.objects.filter(is_active=True, is_superuser=True).order_by("pk"))
