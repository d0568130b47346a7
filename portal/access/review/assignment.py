"""Say who works on a request: claim it, release it, or assign it to somebody."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.errors import AlreadyClaimed, RequestNotFound
from portal.access.letters.team import requests as team
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
    """Claim a request for oneself, and return the assignment; claiming it again changes nothing.

    Raise AlreadyClaimed if somebody else has it.
    """
    access_request = locked_request(reviewer, request_id, RequestAction.CLAIM, now)
    current = assignment_of(access_request)
    if current is not None and current.reviewer_id != reviewer.pk:
        raise AlreadyClaimed(isolated(current.reviewer.display_name))
    if current is not None:  # a second click, or the page open in two tabs
        return current
    assignment = _assign(access_request, reviewer, reviewer, now)
    record(EventType.REQUEST_CLAIMED, actor=reviewer, target=access_request, at=now)
    return assignment


@transaction.atomic
def release_request(*, actor: User, request_id: int, now: datetime) -> None:
    """Release a request; without an assignment nothing happens.

    Raise AlreadyClaimed if somebody else has it, unless the actor heads the team.
    """
    access_request = locked_request(actor, request_id, RequestAction.RELEASE, now)
    current = assignment_of(access_request)
    if current is None:
        return
    if current.reviewer_id != actor.pk and not relation_of(actor, access_request, now).is_head:
        raise AlreadyClaimed(isolated(current.reviewer.display_name))
    end_assignment(current, now)
    record(
        EventType.REQUEST_RELEASED,
        actor=actor,
        target=access_request,
        at=now,
        reviewer=current.reviewer_id,
    )


@transaction.atomic
def assign_request(*, actor: User, request_id: int, assignee: User, now: datetime) -> Assignment:
    """Assign a request to somebody on the team, in place of whoever had it.

    Raise FieldErrors if they are not on the team or have a conflict of interest.
    """
    access_request = locked_request(actor, request_id, RequestAction.ASSIGN, now)
    _require_can_take(assignee, access_request, now)
    current = assignment_of(access_request)
    if current is not None and current.reviewer_id == assignee.pk:
        return current
    if current is not None:
        end_assignment(current, now)
    assignment = _assign(access_request, assignee, actor, now)
    if assignee.pk != actor.pk:  # nobody needs a mail about what they did themselves
        team.tell_assigned(access_request, assignee, now=now)
    record(
        EventType.REQUEST_ASSIGNED, actor=actor, target=access_request, at=now, reviewer=assignee.pk
    )
    return assignment


def assignment_of(access_request: AccessRequest) -> Assignment | None:
    """Return the request's assignment, or None if nobody has it."""
    current = access_request.assignments.filter(ended_at=None)
    assignment: Assignment | None = current.select_related("reviewer").first()
    return assignment


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
    """Raise FieldErrors unless the assignee is on the team and has no conflict of interest."""
    # Asked as if the assignee claimed the request, so that the same table of actions decides.
    try:
        require_action(assignee, access_request, RequestAction.CLAIM, now)
    except RequestNotFound:
        raise FieldErrors({"assignee": "Choose somebody on this model’s team."}) from None
    except Forbidden as conflict:
        name = isolated(assignee.display_name)
        words = f"{name} has a conflict of interest with this request. Choose somebody else."
        raise FieldErrors({"assignee": words}) from conflict
