"""Repeat what ended grants, memberships and waits, or stopped them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.access.grants.activation import CHECK_DUE_AFTER, suspend
from portal.access.grants.audit.facts import facts_of_member, facts_of_screening
from portal.access.grants.collections.ending import end_row
from portal.access.grants.ending.end import UNDONE, Cause, end_grants
from portal.access.grants.ending.revocation import put_under_notice
from portal.access.grants.members.membership import end_membership
from portal.access.holds.holds import place_hold
from portal.access.lifecycle import is_offer, is_over, is_unended
from portal.access.models import (
    AccessRequest,
    Coverage,
    Grant,
    Hold,
    Membership,
    Screening,
)
from portal.access.review.screening_clearance import hold_unscreened
from portal.accounts.models import Organization, User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.backup.restoring.ending import REASON, Ending
from portal.catalog.models import ModelRepo, Revision

CAUSES = {
    EventType.GRANT_REVOKED: Cause.REVOKED,
    EventType.GRANT_CLOSED: Cause.CLOSED,
    EventType.GRANT_OFFER_DECLINED: Cause.DECLINED,
}
EVERY_FILE = ("*",)
SUBJECTS: dict[str, type[Any]] = {
    Hold.Scope.PERSON: User,
    Hold.Scope.ORGANIZATION: Organization,
    Hold.Scope.REVISION: Revision,
}


def end_grant(ending: Ending) -> bool:
    grant = _grant(ending)
    if grant is None or not is_unended(grant):
        return False
    is_undone = ending.data.get("reason_class") == UNDONE
    cause = Cause.UNDONE if is_undone else CAUSES[EventType(ending.event.type)]
    end_grants([grant], cause, actor=ending.actor, reason=REASON, now=ending.now, **ending.facts)
    return True


def give_notice(ending: Ending) -> bool:
    grant = _grant(ending)
    ends_at = ending.data["ends_by_notice_at"]
    day = datetime.fromisoformat(ends_at)
    if grant is None or is_over(grant, ending.now) or grant.ends_at <= day:
        return False
    put_under_notice(grant, day, REASON)
    record(
        EventType.GRANT_NOTICE_GIVEN,
        actor=ending.actor,
        target=grant,
        at=ending.now,
        ends_by_notice_at=ends_at,
        **ending.facts,
    )
    return True


def end_coverage(ending: Ending) -> bool:
    rows = Coverage.objects.standing().filter(grant=ending.target_id, repo=ending.data["repo"])
    standing = list(
        rows.select_related("grant", "repo").select_for_update(of=("self",), no_key=True)
    )
    for row in standing:
        end_row(row, actor=ending.actor, reason=REASON, now=ending.now)
    return bool(standing)


def hold_grant(ending: Ending) -> bool:
    """Hold a grant for a check again; what the lists had on its holder is lost."""
    grant = _grant(ending)
    if grant is None or grant.is_held or is_offer(grant) or is_over(grant, ending.now):
        return False
    screening = _hold_for_check(Screening(grant=grant), ending)
    facts = {**facts_of_screening(screening), **ending.facts}
    record(EventType.GRANT_HELD, actor=None, target=grant, at=ending.now, **facts)
    return True


def hold_member(ending: Ending) -> bool:
    membership = _membership(ending)
    if membership is None or membership.is_held or membership.joined_at is None:
        return False
    screening = _hold_for_check(Screening(membership=membership), ending)
    facts = {**facts_of_screening(screening), **ending.facts}
    record(EventType.MEMBER_HELD, actor=None, target=membership, at=ending.now, **facts)
    return True


def _hold_for_check(screening: Screening, ending: Ending) -> Screening:
    screening.outcome = Screening.Outcome.FAILED  # counts as a hit, until a person clears it
    screening.screened_at = ending.now
    screening.due_at = ending.now + CHECK_DUE_AFTER
    screening.save()
    suspend(screening.right, ending.now)
    return screening


def end_member(ending: Ending) -> bool:
    membership = _membership(ending)
    if membership is None:
        return False
    end_membership(membership, actor=ending.actor, reason=REASON, now=ending.now)
    facts = {**facts_of_member(membership), **ending.facts}
    record(EventType.MEMBER_ENDED, actor=ending.actor, target=membership, at=ending.now, **facts)
    return True


def hold_again(ending: Ending) -> bool:
    """Place a legal hold again, on every file of a revision: the record names none."""
    scope, subject_id = ending.data["scope"], ending.data["subject"]
    repo_id = ending.data["repo"]
    is_there = SUBJECTS[scope].objects.filter(pk=subject_id).exists()
    if not is_there or (repo_id and not ModelRepo.objects.filter(pk=repo_id).exists()):
        return False
    standing = Hold.objects.standing().count()
    place_hold(
        actor=ending.operator,
        scope=scope,
        subject_id=subject_id,
        repo_id=repo_id,
        reason=REASON,
        now=ending.now,
        only_files=EVERY_FILE if scope == Hold.Scope.REVISION else (),
    )
    return Hold.objects.standing().count() > standing


def end_wait(ending: Ending) -> bool:
    """Hold a request that was decided or given up since, so that waiting for it gives nothing.

    Its team clears the hold, and decides again.
    """
    locked = AccessRequest.objects.select_for_update(of=("self",), no_key=True)
    access_request = locked.undecided().filter(pk=ending.target_id).first()
    if access_request is None:
        return False
    return hold_unscreened(access_request, ending.now)


def _grant(ending: Ending) -> Grant | None:
    related = ("repo__namespace", "person", "collection", "acceptance__licence_version__licence")
    locked = Grant.objects.select_for_update(of=("self",), no_key=True).select_related(*related)
    grant: Grant | None = locked.filter(pk=ending.target_id).first()
    return grant


def _membership(ending: Ending) -> Membership | None:
    related = ("grant__repo__namespace", "grant__person", "person")
    standing = Membership.objects.standing().select_for_update(of=("self",), no_key=True)
    membership: Membership | None = (
        standing.select_related(*related).filter(pk=ending.target_id).first()
    )
    return membership
