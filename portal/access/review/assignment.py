"""Whose case it is: claimed, handed back, or assigned."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.errors import AlreadyClaimed, RequestNotFound
from portal.access.letters import decisions as letters
from portal.access.models import AccessRequest, Assignment
from portal.access.policy.locks import locked_request
from portal.access.policy.request_actions import RequestAction, relation_of, require_action
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors, Forbidden
from portal.text.bidi import isolated


@transaction.atomic
def claim_request(*, reviewer: User, request_id: int, now: datetime) -> Assignment:
    """Take a case that nobody has. Claiming one's own again changes nothing."""
    access_request = locked_request(reviewer, request_id, RequestAction.CLAIM, now)
    held = assignment_of(access_request)
    if held is not None and held.reviewer_id != reviewer.pk:
        raise AlreadyClaimed(isolated(held.reviewer.display_name))
    if held is not None:
        return held
    assignment = _assign(access_request, reviewer, reviewer, now)
    record(EventType.REQUEST_CLAIMED, actor=reviewer, target=access_request, at=now)
    return assignment


@transaction.atomic
def release_request(*, actor: User, request_id: int, now: datetime) -> None:
    """Hand a case back; who administers the model may take it from somebody. Again is nothing."""
    access_request = locked_request(actor, request_id, RequestAction.RELEASE, now)
    held = assignment_of(access_request)
    if held is None:
        return
    if held.reviewer_id != actor.pk and not relation_of(actor, access_request, now).is_head:
        raise AlreadyClaimed(isolated(held.reviewer.display_name))
    end_assignment(held, now)
    record(
        EventType.REQUEST_RELEASED,
        actor=actor,
        target=access_request,
        at=now,
        reviewer=held.reviewer_id,
    )


@transaction.atomic
def assign_request(*, actor: User, request_id: int, assignee: User, now: datetime) -> Assignment:
    """Give a case to somebody of the team; whoever had it has it no more."""
    access_request = locked_request(actor, request_id, RequestAction.ASSIGN, now)
    _require_can_take(assignee, access_request, now)
    held = assignment_of(access_request)
    if held is not None and held.reviewer_id == assignee.pk:
        return held
    if held is not None:
        end_assignment(held, now)
    assignment = _assign(access_request, assignee, actor, now)
    if assignee.pk != actor.pk:
        letters.send_assignment(access_request, assignee, now=now)
    record(
        EventType.REQUEST_ASSIGNED, actor=actor, target=access_request, at=now, reviewer=assignee.pk
    )
    return assignment


def assignment_of(access_request: AccessRequest) -> Assignment | None:
    """The assignment that isn't ended."""
    held = access_request.assignments.filter(ended_at=None)
    found: Assignment | None = held.select_related("reviewer").first()
    return found


def end_assignment(assignment: Assignment, now: datetime) -> None:
    assignment.ended_at = now
    assignment.save(update_fields=["ended_at"])


def _assign(
    access_request: AccessRequest, reviewer: User, actor: User, now: datetime
) -> Assignment:
    return Assignment.objects.create(
        request=access_request, reviewer=reviewer, assigned_by=actor, assigned_at=now
    )


def _require_can_take(assignee: User, access_request: AccessRequest, now: datetime) -> None:
    """On the team, and without a conflict; the actor chooses again otherwise."""
    try:
        require_action(assignee, access_request, RequestAction.CLAIM, now)
    except RequestNotFound:
        raise FieldErrors({"assignee": "Choose somebody of this model’s team."}) from None
    except Forbidden as conflict:
        name = isolated(assignee.display_name)
        words = f"{name} can’t take this case: a conflict of interest stands."
        raise FieldErrors({"assignee": words}) from conflict
