"""The holder ends a grant: with a statement of what became of the copies."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.errors import GrantIsOver
from portal.access.grants.audit.facts import facts_of_member
from portal.access.grants.ending.tokens import end_tokens
from portal.access.grants.locks import lock_line, lock_own
from portal.access.grants.members.membership import end_membership
from portal.access.letters import grants as letters
from portal.access.models import Grant, Membership
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import Mode
from portal.errors import FieldErrors
from portal.parsing.texts import text_problem

MEMBERS_END = "The holder closed the grant."


@transaction.atomic
def close_grant(
    *, holder: User, grant_id: int, statement: str, deleted_copies: bool, now: datetime
) -> Grant:
    """Close a grant, also one that has ended, for the statement’s sake. Its members end with it.

    Closing again changes nothing.
    """
    grant = lock_own(holder, grant_id)
    if grant.is_offer:
        raise GrantIsOver("This is an offer; decline it on its page.")
    if grant.closed_at is not None:
        return grant
    _check(grant, statement, deleted_copies)
    for each in lock_line(grant, now):
        each.closed_at, each.closeout = now, statement.strip()
        each.save(update_fields=["closed_at", "closeout"])
        _end_members(each, holder, now)
        said = {"deleted_copies": deleted_copies}
        record(EventType.GRANT_CLOSED, actor=holder, target=each, at=now, **said)
    end_tokens(holder, grant.repo, actor=holder, now=now, narrowed_only=True)
    letters.send_closed(grant, now=now)
    return grant


def _check(grant: Grant, statement: str, deleted_copies: bool) -> None:
    errors: dict[str, str] = {}
    missing = "Say what became of the model’s copies and of what you made with it."
    if problem := text_problem(statement, missing=missing):
        errors["statement"] = problem
    if Mode.DOWNLOAD in grant.modes and not deleted_copies:
        errors["deleted_copies"] = (
            "Confirm that every copy of the weights is deleted. If one must stay, write to the "
            "team first."
        )
    if errors:
        raise FieldErrors(errors)


def _end_members(grant: Grant, holder: User, now: datetime) -> None:
    standing = Membership.objects.select_for_update(of=("self",)).standing().filter(grant=grant)
    for membership in standing.select_related("person"):
        membership.grant = grant
        end_membership(membership, actor=holder, reason=MEMBERS_END, now=now)
        record(
            EventType.MEMBER_ENDED,
            actor=holder,
            target=membership,
            at=now,
            **facts_of_member(membership),
        )
