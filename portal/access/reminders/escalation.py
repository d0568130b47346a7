"""What can't be quiet: a case that is late, that nobody may decide, or whose letters come back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.access.deadlines import due
from portal.access.letters import request_deadlines as letters
from portal.access.models import AccessRequest, Escalation
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.contacts import administrators, owners, team_members
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record

Reason = Escalation.Reason


def _raise(case: AccessRequest, reason: Reason, level: int, now: datetime) -> None:
    Escalation.objects.create(request=case, level=level, reason=reason, escalated_at=now)
    case.escalation_level = max(case.escalation_level, level)
    case.escalated_at = now
    case.save(update_fields=["escalation_level", "escalated_at"])


def _stamp(case: AccessRequest) -> str:
    """Each due date has its own letters."""
    return f"{case.due_at:%Y%m%d%H%M%S}"


def _locked(found: QuerySet[Any], request_id: int) -> AccessRequest | None:
    """Whoever holds the row is changing it: then it is looked at again in a minute."""
    locked = found.select_for_update(of=("self",), skip_locked=True)
    case: AccessRequest | None = (
        locked.select_related("repo__namespace", "applicant").filter(pk=request_id).first()
    )
    return case


def _with_assignee(case: AccessRequest, people: list[User]) -> list[User]:
    held = case.assignments.filter(ended_at=None).select_related("reviewer").first()
    return list(dict.fromkeys([*people, *([held.reviewer] if held else [])]))


@transaction.atomic
def escalate_overdue(*, request_id: int, now: datetime) -> bool:
    """Put a late case before the administrators and the assignee; tell the applicant."""
    case = _locked(due.overdue(now), request_id)
    if case is None:
        return False
    _raise(case, Reason.OVERDUE, 1, now)
    people = _with_assignee(case, administrators(case.repo))
    letters.send_overdue(case, level=1, stamp=_stamp(case), now=now)
    letters.tell_overdue(case, people, level=1, stamp=_stamp(case), now=now)
    record(EventType.REQUEST_OVERDUE, actor=None, target=case, at=now, level=1)
    return True


@transaction.atomic
def escalate_to_owners(*, request_id: int, now: datetime) -> bool:
    """A week later: put it before who answers for the model; tell the applicant again."""
    case = _locked(due.still_overdue(now), request_id)
    if case is None:
        return False
    _raise(case, Reason.OVERDUE, 2, now)
    letters.send_overdue(case, level=2, stamp=_stamp(case), now=now)
    letters.tell_overdue(case, owners(case.repo), level=2, stamp=_stamp(case), now=now)
    record(EventType.REQUEST_OVERDUE, actor=None, target=case, at=now, level=2)
    return True


@transaction.atomic
def escalate_stranded(*, request_id: int, now: datetime) -> bool:
    """Put a case before the owners at once where too few are left who may decide it."""
    case = _locked(due.perhaps_stranded(now), request_id)
    if case is None:
        return False
    able, quorum = _able(case, now), settings_of(case.repo).quorum
    if able >= quorum:
        return False
    _raise(case, Reason.STRANDED, 2, now)
    letters.tell_stranded(case, owners(case.repo), able=able, quorum=quorum, now=now)
    record(EventType.REQUEST_STRANDED, actor=None, target=case, at=now, able=able, quorum=quorum)
    return True


def _able(case: AccessRequest, now: datetime) -> int:
    """How many of the team have no conflict of interest."""
    found = conflicts_of(team_members(case.repo), case, now)
    return sum(not conflicts for conflicts in found.values())


@transaction.atomic
def escalate_unreachable(*, question_id: int, now: datetime) -> bool:
    """The last reminder didn't arrive: the request stays, and the team is told."""
    locked = due.questions_unreachable(now).select_for_update(
        of=("self", "request"), skip_locked=True
    )
    found = locked.select_related("request__repo__namespace", "request__applicant")
    question = found.filter(pk=question_id).first()
    if question is None:
        return False
    case = question.request
    _raise(case, Reason.BOUNCED, 1, now)
    people = _with_assignee(case, administrators(case.repo))
    letters.tell_unreachable(question, people, now=now)
    record(EventType.REQUEST_UNREACHABLE, actor=None, target=case, at=now, question=question.pk)
    return True
