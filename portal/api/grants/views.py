"""One’s own grants: offered, held, shared with members, renewed, closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet, prefetch_related_objects

from portal.access.errors import GrantNotFound, MembershipNotFound
from portal.access.grants.detail import RELATED, Seen, grant_context, seen_by
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.members.membership import invite_member, remove_member
from portal.access.grants.newer_text import sign_newer_version
from portal.access.grants.offers import accept_offer, decline_offer
from portal.access.grants.renewals import renew_grant
from portal.access.grants.status_marks import conditions_in_words, grant_state, member_state
from portal.access.models import Grant, Membership, Renewal
from portal.api.base.fields import SIGNATURE_EXAMPLE, SignedInput
from portal.api.base.operations import Call, Who, listing, operation
from portal.api.grants.serializers import (
    CloseInput,
    EndMemberInput,
    GrantDetailOutput,
    GrantOutput,
    InviteInput,
    MemberOutput,
    RenewalOutput,
    RenewInput,
)

SIGNED_EXAMPLE = {"signature": SIGNATURE_EXAMPLE}


def with_states(call: Call, rows: Sequence[Grant]) -> Sequence[Grant]:
    prefetch_related_objects(rows, "acceptance__licence_version__licence")
    for each in rows:
        version = each.acceptance.licence_version if each.acceptance else None
        each.state = grant_state(each, call.now)  # type: ignore[attr-defined]
        each.conditions_in_words = conditions_in_words(each)  # type: ignore[attr-defined]
        each.licence = str(version or "")  # type: ignore[attr-defined]
    return rows


def as_seen(call: Call, rows: Sequence[Seen]) -> Sequence[Grant]:
    """With what the page of a grant tells, from the function that the page asks."""
    return [_as_seen(call, each) for each in rows]


TOLD = (
    "can_renew",
    "can_sign_newer",
    "can_close",
    "shareable",
    "member_count",
    "member_cap",
    "renewal_opens_at",
)


def _as_seen(call: Call, seen: Seen) -> Grant:
    (grant,) = with_states(call, [seen.grant])
    told = grant_context(seen, call.now)
    for name in TOLD:
        setattr(grant, name, told[name])
    hold = told["hold"]
    grant.held_since = hold.placed_at if hold else None  # type: ignore[attr-defined]
    duties = [term for column in told["duties"] for term in column.terms]
    grant.surviving_duties = duties  # type: ignore[attr-defined]
    return grant


def seen_grant(call: Call, grant_id: int) -> Seen:
    """As its holder, its member or the team sees it, if the token is for its repo."""
    require_grant_within(call, grant_id)
    seen = seen_by(call.person, grant_id, call.now)
    if not (seen.mine or seen.membership or call.is_of_a_team):
        raise GrantNotFound
    return seen


def require_grant_within(call: Call, grant_id: int) -> None:
    if not call.within(Grant.objects.filter(pk=grant_id)).exists():
        raise GrantNotFound


def require_own(call: Call, grant_id: int) -> None:
    """What its holder alone does; for anybody else it isn’t there."""
    if not call.within(Grant.objects.filter(pk=grant_id, person=call.person)).exists():
        raise GrantNotFound


@listing(Who.PERSON, GrantOutput, prepare=with_states)
def list_grants(call: Call) -> QuerySet[Grant]:
    """One's own grants and those one works under, the latest end first."""
    working = Q(
        memberships__person=call.person,
        memberships__joined_at__isnull=False,
        memberships__ended_at=None,
    )
    mine = Grant.objects.filter(Q(person=call.person) | working).told().distinct()
    return call.within(mine.select_related(*RELATED))


@operation(Who.PERSON, gives=GrantDetailOutput, prepare=as_seen)
def show_grant(call: Call, grant_id: int) -> Seen:
    """A grant, as its holder, its members and the team see it."""
    return seen_grant(call, grant_id)


@operation(
    Who.SESSION,
    gives=GrantDetailOutput,
    takes=SignedInput,
    prepare=as_seen,
    example=SIGNED_EXAMPLE,
)
def accept_grant_offer(call: Call, grant_id: int) -> Seen:
    """Sign the text in force: the grant begins now."""
    require_own(call, grant_id)
    accept_offer(person=call.person, grant_id=grant_id, signature=call.signature(), now=call.now)
    return seen_grant(call, grant_id)


@operation(Who.SESSION, gives=GrantDetailOutput, prepare=as_seen)
def decline_grant_offer(call: Call, grant_id: int) -> Seen:
    """Turn the offered terms down."""
    require_own(call, grant_id)
    decline_offer(person=call.person, grant_id=grant_id, now=call.now)
    return seen_grant(call, grant_id)


@operation(
    Who.SESSION,
    gives=RenewalOutput,
    takes=RenewInput,
    example={"report": "We measured its calibration.", "publications": "", **SIGNED_EXAMPLE},
)
def renew(call: Call, grant_id: int) -> Renewal:
    """Report on the use and sign the text in force; renewed at once, or once the team says so."""
    require_own(call, grant_id)
    given = call.data
    return renew_grant(
        holder=call.person,
        grant_id=grant_id,
        report=given["report"],
        publications=given["publications"],
        signature=call.signature(),
        now=call.now,
    )


@operation(
    Who.SESSION,
    gives=GrantDetailOutput,
    takes=SignedInput,
    prepare=as_seen,
    example=SIGNED_EXAMPLE,
)
def sign_newer(call: Call, grant_id: int) -> Seen:
    """Sign the newer text and go on under it; the answer is the new grant."""
    require_own(call, grant_id)
    signed = sign_newer_version(
        person=call.person, grant_id=grant_id, signature=call.signature(), now=call.now
    )
    return seen_grant(call, signed.pk)


@operation(
    Who.SESSION,
    gives=GrantDetailOutput,
    takes=CloseInput,
    prepare=as_seen,
    example={"statement": "The copies are deleted; the paper is out.", "deleted_copies": True},
)
def close(call: Call, grant_id: int) -> Seen:
    """End a grant with a statement of what became of the copies."""
    require_own(call, grant_id)
    close_grant(holder=call.person, grant_id=grant_id, now=call.now, **call.data)
    return seen_grant(call, grant_id)


def with_member_states(call: Call, rows: Sequence[Membership]) -> Sequence[Membership]:
    for each in rows:
        each.state = member_state(each)  # type: ignore[attr-defined]
    return rows


@listing(Who.PERSON, MemberOutput, prepare=with_member_states)
def list_members(call: Call, grant_id: int) -> QuerySet[Membership]:
    """Who works under a grant, for its holder and the team."""
    seen = seen_grant(call, grant_id)
    if not (seen.mine or (seen.may_review and call.is_of_a_team)):
        raise GrantNotFound
    found: QuerySet[Any] = Membership.objects.filter(grant=seen.grant).select_related("person")
    return found.order_by("pk")


@operation(
    Who.SESSION,
    gives=MemberOutput,
    takes=InviteInput,
    prepare=with_member_states,
    status=201,
    example={"email": "colleague@university.example"},
)
def invite(call: Call, grant_id: int) -> Membership:
    """Invite a colleague by their address. The one address is invited once."""
    require_own(call, grant_id)
    return invite_member(
        holder=call.person, grant_id=grant_id, email=call.data["email"], now=call.now
    )


@operation(
    Who.SESSION,
    gives=MemberOutput,
    takes=SignedInput,
    prepare=with_member_states,
    example=SIGNED_EXAMPLE,
)
def join(call: Call, membership_id: int) -> Membership:
    """Sign for oneself, and work under the grant one was invited to."""
    if not Membership.objects.filter(pk=membership_id).exists():
        raise MembershipNotFound
    return join_as_member(
        person=call.person, membership_id=membership_id, signature=call.signature(), now=call.now
    )


@operation(
    Who.SESSION,
    gives=MemberOutput,
    takes=EndMemberInput,
    prepare=with_member_states,
    example={"reason": "Left the group."},
)
def end_member(call: Call, membership_id: int) -> Membership:
    """End a membership: by the holder, the member, or who administers the model."""
    return remove_member(
        actor=call.person, membership_id=membership_id, reason=call.data["reason"], now=call.now
    )
