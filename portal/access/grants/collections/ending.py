"""End what a grant opens of one model, while the others of its collection stay open."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.errors import GrantIsOver, GrantNotFound
from portal.access.grants.audit.facts import facts_of_coverage
from portal.access.grants.ending.tokens import end_tokens
from portal.access.grants.locks import lock_grant, lock_line
from portal.access.letters import grants as letters
from portal.access.lifecycle import is_over
from portal.access.models import Coverage, Grant, Membership
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.errors import Conflict, Forbidden
from portal.parsing.texts import require_text

LAST_MODEL = "It is the only model that this grant still opens: end the grant instead."
TWO_PEOPLE = "Ending an access takes two people here: propose to end the whole grant instead."


@transaction.atomic
def end_coverage(*, actor: User, grant_id: int, repo_id: int, reason: str, now: datetime) -> Grant:
    """Close one model to a grant's holder and members, as somebody who administers it.

    The grants that follow in its line close it too. Tokens made for the model end with it, and the
    holder gets a letter. Ending it again changes nothing.
    """
    grant, row = _covered(actor, grant_id, repo_id, now)
    if row.ended_at is not None:
        return grant
    reason = require_text(reason, "reason", missing="Say why; the notice quotes it.")
    if is_over(grant, now):
        raise GrantIsOver("The grant has ended already, with every model of it.")
    if settings_of(grant.repo).two_person_revocation:
        raise Conflict(TWO_PEOPLE)
    if not grant.coverage.standing().exclude(pk=row.pk).exists():
        raise Conflict(LAST_MODEL)
    line = lock_line(grant, now)
    for standing in Coverage.objects.standing_on(row.repo).filter(grant__in=line):
        end_row(standing, actor=actor, reason=reason, now=now)
    for person in _people_of(grant):
        end_tokens(person, row.repo, actor=actor, now=now, narrowed_only=True)
    letters.send_coverage_ended(grant, row.repo, reason=reason, now=now)
    return grant


def _covered(actor: User, grant_id: int, repo_id: int, now: datetime) -> tuple[Grant, Coverage]:
    """Lock a grant, and return its newest row on a model, for who administers either repo.

    Raise GrantNotFound where there is none or they may not see it, Forbidden to all others.
    """
    grant = lock_grant(grant_id)
    if grant is None or not may(actor, Action.SEE, grant.repo, now).allowed:
        raise GrantNotFound
    rows = grant.coverage.select_related("repo__namespace").filter(repo=repo_id)
    row: Coverage | None = rows.order_by("-pk").first()
    if row is None:
        raise GrantNotFound
    if not any(_administers(actor, repo, now) for repo in (grant.repo, row.repo)):
        raise Forbidden("Only the people who administer this model may end access to it.")
    return grant, row


def _administers(actor: User, repo: ModelRepo, now: datetime) -> bool:
    return may(actor, Action.ADMINISTER, repo, now).allowed


def end_row(row: Coverage, *, actor: User, reason: str, now: datetime) -> None:
    """End one row of a locked grant's coverage, and record it."""
    row.ended_at, row.ended_by, row.end_reason = now, actor, reason
    row.save(update_fields=["ended_at", "ended_by", "end_reason"])
    facts = {"repo": row.repo_id, **facts_of_coverage(row.grant)}
    record(EventType.GRANT_COVERAGE_ENDED, actor=actor, target=row.grant, at=now, **facts)


def _people_of(grant: Grant) -> list[User]:
    joined = Membership.objects.joined().filter(grant=grant).select_related("person")
    members = [membership.person for membership in joined if membership.person]
    return [grant.person, *members]
