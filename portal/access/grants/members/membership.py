"""Members of an organization's grant: invite them, end memberships, carry them on by renewal.

``members.joining`` is where an invited person joins.
"""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from portal.access.errors import (
    GrantIsOver,
    MembershipNotFound,
    NotShareable,
    TooManyMembers,
)
from portal.access.grants.activation import admit_member, is_admissible
from portal.access.grants.audit.facts import facts_of_member, told_of_joining
from portal.access.grants.ending.tokens import end_tokens
from portal.access.grants.locks import lock_grant, lock_own
from portal.access.letters import checks
from portal.access.letters import members as letters
from portal.access.lifecycle import is_over
from portal.access.models import Acceptance, Grant, Membership
from portal.access.policy.conditions import Conditions
from portal.access.policy.covered import covered_repos
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import FieldErrors
from portal.parsing.texts import require_text
from portal.text.lines import line_errors

LEFT = "They left by themselves."
LONGEST_ADDRESS = 254
LONGEST_REASON = 200


def is_shareable(grant: Grant) -> bool:
    """Tell whether an organization signed for the grant, so that it can have members."""
    signed = grant.acceptance
    return signed is not None and signed.capacity == Acceptance.Capacity.ENTITY


def cap_of(grant: Grant) -> int:
    """Return how many members a grant may have, by its conditions or else by its gate."""
    own = Conditions.of(grant.conditions).max_members
    return settings_of(grant.repo).member_cap if own is None else own


@transaction.atomic
def invite_member(*, holder: User, grant_id: int, email: str, now: datetime) -> Membership:
    """Invite the owner of an address to a grant by letter. Inviting again changes nothing.

    The letter's link holds no secret: an account joins by it that has confirmed this address.
    """
    grant = lock_own(holder, grant_id, now)
    if not is_shareable(grant):
        raise NotShareable
    _require_going_on(grant, now)
    email = _checked(email, holder)
    standing = Membership.objects.standing().filter(grant=grant)
    # Before the cap, so that inviting the last member again isn't refused.
    if known := standing.filter(email=email).first():
        return known
    if standing.count() >= (cap := cap_of(grant)):
        raise TooManyMembers(
            _(
                "This grant takes %(cap)s at most beside its holder, and all places are taken. End "
                "one membership first."
            )
            % {"cap": cap}
        )
    membership = Membership.objects.create(
        grant=grant, email=email, invited_by=holder, invited_at=now
    )
    letters.send_invitation(membership, sender=holder, now=now)
    record(
        EventType.MEMBER_INVITED,
        actor=holder,
        target=membership,
        at=now,
        **facts_of_member(membership),
    )
    return membership


def _require_going_on(grant: Grant, now: datetime) -> None:
    if is_over(grant, now):
        raise GrantIsOver(_("This grant has ended, so nobody can join it. Renew it first."))
    if grant.is_held:
        raise GrantIsOver(
            _("A person on our team checks this access first, so nobody can join yet.")
        )


def _checked(email: str, holder: User) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
        MaxLengthValidator(LONGEST_ADDRESS)(email)
    except ValidationError:
        raise FieldErrors(
            {"email": _("Give one e-mail address, such as name@example.org.")}
        ) from None
    own = EmailAddress.objects.filter(user=holder, email__iexact=email)
    if email == holder.email.lower() or own.exists():
        raise FieldErrors({"email": _("That address is your own; the grant is yours already.")})
    return email


@transaction.atomic
def remove_member(*, actor: User, membership_id: int, reason: str, now: datetime) -> Membership:
    """End a membership, as the grant's holder, the member or an administrator of the model.

    The member's tokens that reach the repo end with it. Removing again changes nothing.
    """
    # Read first without a lock, to learn the grant, which is locked before its memberships.
    unlocked = Membership.objects.filter(pk=membership_id).first()
    grant = lock_grant(unlocked.grant_id) if unlocked else None
    membership = Membership.objects.select_for_update(no_key=True).filter(pk=membership_id).first()
    if membership is None or grant is None:
        raise MembershipNotFound
    membership.grant = grant
    leaves = membership.person_id == actor.pk
    if not leaves and not _may_remove(actor, grant, now):
        raise MembershipNotFound
    if membership.ended_at is not None:
        return membership
    missing = _("Say why; both of you get it in a letter.")
    reason = reason.strip() or (LEFT if leaves else "")
    reason = require_text(reason, "reason", missing=missing, at_most=LONGEST_REASON)
    if errors := line_errors({"reason": reason}):
        raise FieldErrors(errors)
    end_membership(membership, actor=actor, reason=reason, now=now)
    record(
        EventType.MEMBER_ENDED,
        actor=actor,
        target=membership,
        at=now,
        **facts_of_member(membership),
    )
    return membership


def _may_remove(actor: User, grant: Grant, now: datetime) -> bool:
    return grant.person_id == actor.pk or may(actor, Action.ADMINISTER, grant.repo, now).allowed


def end_membership(
    membership: Membership, *, actor: User | None, reason: str, now: datetime
) -> None:
    """End a locked membership with its tokens, and write to both sides.

    The caller records the event in the same transaction. ``actor`` is None for the clock.
    """
    membership.ended_at, membership.ended_by = now, actor
    membership.end_reason = reason[:LONGEST_REASON]
    membership.save(update_fields=["ended_at", "ended_by", "end_reason"])
    if membership.person is not None:
        for repo in covered_repos(membership.grant):
            end_tokens(membership.person, repo, actor=actor, now=now)
    letters.send_ended(membership, now=now)


def carry_members(old: Grant, new: Grant, now: datetime) -> None:
    """Make the members of a grant members of the one that follows it, in the caller's transaction.

    Each is screened anew. Under a new licence text they are invited to sign it instead, since
    nobody else's signature binds them; so are those who could not join now.
    """
    if not is_shareable(new):
        return
    same_text = _version(old.acceptance) == _version(new.acceptance)
    for earlier in old.memberships.standing().select_related(
        "person", "acceptance", "organization"
    ):
        membership = Membership(
            grant=new, email=earlier.email, invited_by=new.person, invited_at=now
        )
        if same_text and _may_go_on(earlier, now):
            _carry(earlier, membership, now)
        else:
            _invite_anew(membership, now)


def _may_go_on(membership: Membership, now: datetime) -> bool:
    """Tell whether a member has joined, and nothing stands against them that bars newcomers."""
    person = membership.person
    if person is None or membership.joined_at is None:
        return False
    return is_admissible(person, covered_repos(membership.grant), now)


def _carry(earlier: Membership, membership: Membership, now: datetime) -> None:
    membership.person, membership.acceptance = earlier.person, earlier.acceptance
    membership.organization = earlier.organization
    screening = admit_member(membership, now)
    if membership.is_held:
        checks.send_member_check(membership, screening, now=now)
    event, facts = told_of_joining(membership, screening)
    record(event, actor=None, target=membership, at=now, **facts)


def _invite_anew(membership: Membership, now: datetime) -> None:
    membership.save()
    letters.send_invitation(membership, now=now)
    facts = facts_of_member(membership)
    record(EventType.MEMBER_INVITED, actor=None, target=membership, at=now, **facts)


def _version(acceptance: Acceptance | None) -> int | None:
    return acceptance.licence_version_id if acceptance else None
