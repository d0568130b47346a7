"""End grants: every act by which somebody ends one comes through ``end_grants``.

A time that passes (the term, a notice's day, the time for signing an offer) ends a grant by itself:
nothing is written then, and members and tokens stay, since the holder may go on by renewing or by
signing the newer text, and they with them. Meanwhile the policy refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from portal.access.grants.audit.facts import facts_of_member
from portal.access.grants.ending.tokens import end_tokens
from portal.access.grants.locks import line_of
from portal.access.grants.members.membership import end_membership
from portal.access.lifecycle import has_begun
from portal.access.models import Grant, Membership, Renewal
from portal.access.policy.covered import covered_repos
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record

UNDONE = "undone"
LAB_ENDED = "The lab ended the grant."
HOLDER_CLOSED = "The holder closed the grant."


@dataclass(frozen=True)
class _Meaning:
    """The meaning of a cause: its event, the reason that members are told, and who ends it."""

    event: EventType
    told: str
    by_holder: bool = False
    reason_class: str = ""


class Cause(Enum):
    """An act by which somebody ends a grant."""

    REVOKED = _Meaning(EventType.GRANT_REVOKED, LAB_ENDED)
    UNDONE = _Meaning(EventType.GRANT_REVOKED, LAB_ENDED, reason_class=UNDONE)
    CLOSED = _Meaning(EventType.GRANT_CLOSED, HOLDER_CLOSED, by_holder=True)
    DECLINED = _Meaning(EventType.GRANT_OFFER_DECLINED, HOLDER_CLOSED, by_holder=True)


def end_grants(
    grants: Iterable[Grant],
    cause: Cause,
    *,
    actor: User,
    reason: str,
    now: datetime,
    **facts: Any,
) -> None:
    """End locked grants with what stands on them, and record each end, with these facts.

    Their members end, joined or invited, each with a letter to both sides; renewals that nobody has
    decided end; tokens made for named models, this one among them, end unless something else opens
    it to the holder. A letter on the end itself is the caller's: one act sends one, however many
    grants of a line it ends. Links and running jobs need no word of it: each asks the policy again,
    a job as it renews its lease.
    """
    if cause.value.reason_class:
        facts = {"reason_class": cause.value.reason_class, **facts}
    opened = {}  # only what has opened the model can have tokens
    for grant in grants:
        _write(grant, cause, actor, reason, now)
        _end_members(grant, actor, cause.value.told, now)
        _end_renewals(grant, actor, now)
        record(cause.value.event, actor=actor, target=grant, at=now, **facts)
        if has_begun(grant, now):
            for repo in covered_repos(grant):
                opened[grant.person_id, repo.pk] = (grant.person, repo)
    # Tokens come last: ``end_tokens`` leaves those that another active grant of the line opens.
    for person, repo in opened.values():
        end_tokens(person, repo, actor=actor, now=now, narrowed_only=True)


def _write(grant: Grant, cause: Cause, actor: User, reason: str, now: datetime) -> None:
    if cause.value.by_holder:
        grant.closed_at, grant.closeout = now, reason
        grant.save(update_fields=["closed_at", "closeout"])
    else:
        grant.revoked_at, grant.revoked_by, grant.revocation_reason = now, actor, reason
        grant.save(update_fields=["revoked_at", "revoked_by", "revocation_reason"])


def _end_members(grant: Grant, actor: User, reason: str, now: datetime) -> None:
    standing = (
        Membership.objects.select_for_update(of=("self",), no_key=True)
        .standing()
        .filter(grant=grant)
    )
    for membership in standing.select_related("person"):
        membership.grant = grant
        end_membership(membership, actor=actor, reason=reason, now=now)
        record(
            EventType.MEMBER_ENDED,
            actor=actor,
            target=membership,
            at=now,
            **facts_of_member(membership),
        )


def _end_renewals(grant: Grant, actor: User, now: datetime) -> None:
    """End what is undecided of the grant's whole line: nobody can decide it any more.

    Its holder is told by the letter on the end, so no other one is sent.
    """
    line = [relative.pk for relative in line_of(grant)]
    waiting = Renewal.objects.select_for_update(of=("self",), no_key=True).filter(grant__in=line)
    for renewal in waiting.filter(decided_at=None):
        renewal.outcome, renewal.decided_by = Renewal.Outcome.ENDED, actor
        renewal.decided_at = now
        renewal.save(update_fields=["outcome", "decided_by", "decided_at"])
        facts = {"grant": renewal.grant_id}
        record(EventType.RENEWAL_ENDED, actor=actor, target=renewal, at=now, **facts)
