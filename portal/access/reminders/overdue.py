"""Requests whose answer is late, or that nobody on the team may decide, go to somebody higher."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from portal.access.letters.mailer import applicant_of, send
from portal.access.models import AccessRequest, Escalation
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.contacts import administrators, owners, team_members
from portal.access.policy.gate_settings import settings_of
from portal.access.querysets import UNDECIDED
from portal.access.reminders.escalation import escalate, tell, with_assignee
from portal.access.reminders.timer import TO_OWNERS, Timer, locking
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.formatting import whole_date

FRESH = timedelta(minutes=5)
TURNS = 10
State = AccessRequest.State
Reason = Escalation.Reason


def _escalated(reason: Reason, level: int, **narrower: Any) -> Exists:
    rows = Escalation.objects.filter(request=OuterRef("pk"), reason=reason, level=level)
    return Exists(rows.filter(**narrower))


def overdue(now: datetime) -> QuerySet[AccessRequest]:
    """Select requests past their due date that weren't escalated for this date.

    A due date that moves later is counted anew.
    """
    late = AccessRequest.objects.overdue_at(now)
    return late.filter(~_escalated(Reason.OVERDUE, 1, escalated_at__gte=OuterRef("due_at")))


def escalate_overdue(access_request: AccessRequest, now: datetime) -> None:
    """Put a late request before the administrators and the assignee; tell the applicant."""
    people = with_assignee(access_request, administrators(access_request.repo))
    _escalate_late(access_request, people, level=1, now=now)


def still_overdue(now: datetime) -> QuerySet[AccessRequest]:
    """Select requests that are late still, a week after the administrators were told."""
    week_ago = now - TO_OWNERS
    # Only after the first level has had its week, however late the request is by now.
    first = {"escalated_at__gte": OuterRef("due_at"), "escalated_at__lte": week_ago}
    return AccessRequest.objects.overdue_at(now).filter(
        _escalated(Reason.OVERDUE, 1, **first),
        ~_escalated(Reason.OVERDUE, 2, escalated_at__gte=OuterRef("due_at")),
    )


def escalate_to_owners(access_request: AccessRequest, now: datetime) -> None:
    """Put a late request before who answers for the model; tell the applicant again."""
    _escalate_late(access_request, owners(access_request.repo), level=2, now=now)


def _escalate_late(
    access_request: AccessRequest, people: list[User], *, level: int, now: datetime
) -> None:
    escalate(access_request, Reason.OVERDUE, level, now)

    def facts() -> dict[str, str]:
        due = whole_date(access_request.due_at) if access_request.due_at else ""
        return {"due": due, "lab": access_request.repo.namespace.display_name}

    key = f"overdue-{level}-{access_request.due_at:%Y%m%d%H%M%S}"  # each due date has its letters
    send(
        applicant_of(access_request),
        kind="overdue" if level == 1 else "overdue_again",
        key=key,
        facts=facts,
        now=now,
    )
    tell(
        access_request,
        people,
        kind="overdue_team" if level == 1 else "overdue_owners",
        key=key,
        facts=facts,
        now=now,
    )
    record(EventType.REQUEST_OVERDUE, actor=None, target=access_request, at=now, level=level)


def perhaps_stranded(now: datetime) -> QuerySet[Any]:
    """Select undecided requests to look at: new ones at once, the others by turns of ten minutes.

    Whether one is stranded depends on conflicts of interest, which no column tells. One that was
    found to be is looked at again after a week.
    """
    turn = Q(rest=int(now.timestamp() // 60) % TURNS)
    fresh = Q(submitted_at__gt=now - FRESH)
    escalated = _escalated(Reason.STRANDED, 2, escalated_at__gt=now - TO_OWNERS)
    undecided = AccessRequest.objects.filter(state__in=UNDECIDED).annotate(rest=F("pk") % TURNS)
    return undecided.filter(fresh | turn).filter(~escalated)


def escalate_stranded(access_request: AccessRequest, now: datetime) -> bool:
    """Put a request before the owners at once where too few are left who may decide it."""
    repo = access_request.repo
    conflicts = conflicts_of(team_members(repo), access_request, now)
    able, quorum = sum(not of_one for of_one in conflicts.values()), settings_of(repo).quorum
    if able >= quorum:
        return False
    escalate(access_request, Reason.STRANDED, 2, now)
    tell(
        access_request,
        owners(repo),
        kind="stranded",
        key=f"stranded-{now:%Y%m%d}",
        facts=lambda: {"able": str(able), "quorum": str(quorum)},
        now=now,
    )
    event = EventType.REQUEST_STRANDED
    record(event, actor=None, target=access_request, at=now, able=able, quorum=quorum)
    return True


_LOCK = locking("repo__namespace", "applicant")
TIMERS = (
    Timer("overdue", overdue, escalate_overdue, _LOCK),
    Timer("still_overdue", still_overdue, escalate_to_owners, _LOCK),
    Timer("stranded", perhaps_stranded, escalate_stranded, _LOCK, batches=8),
)
