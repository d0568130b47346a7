"""Join an organization's grant, by a proved address, a signature of one's own and screening."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.access.errors import (
    GrantIsOver,
    LicenceChanged,
    MembershipNotFound,
    NotOfTheOrganization,
)
from portal.access.grants.activation import admit_member, require_admissible_to
from portal.access.grants.audit.facts import told_of_joining
from portal.access.grants.locks import lock_grant
from portal.access.letters import checks, members
from portal.access.lifecycle import is_over
from portal.access.models import Acceptance, Grant, Membership
from portal.access.policy.covered import covered_repos, licensed_repo
from portal.access.requests.signing import Signature, store_acceptance
from portal.accounts.affiliations import affiliations_of
from portal.accounts.models import Organization, User
from portal.audit.services import record
from portal.catalog.models import LicenceVersion
from portal.catalog.services.licences import require_version_in_force
from portal.errors import FieldErrors


def texts_for(membership: Membership, now: datetime) -> list[LicenceVersion]:
    """List the licence texts that a member may sign: the grant's own, then the one in force."""
    signed = membership.grant.acceptance
    own = [signed.licence_version] if signed else []
    current = require_version_in_force(licensed_repo(membership.grant), now=now)
    return own if current in own else [*own, current]


@transaction.atomic
def join_as_member(
    *, person: User, membership_id: int, signature: Signature, now: datetime
) -> Membership:
    """Sign for oneself and become a member of the grant. Joining again changes nothing.

    Where screening has a hit, the membership is held until the team has cleared it.
    """
    membership = _invitation(person, membership_id)
    if membership.person_id is not None:
        return membership
    grant = membership.grant
    if is_over(grant, now):
        raise GrantIsOver(_("The grant has ended, so nobody can join it any more."))
    require_admissible_to(person, covered_repos(grant), now)
    membership.organization = organization_shared(person, grant, now)
    version = _signed_text(membership, signature, now)
    if signature.capacity != Acceptance.Capacity.PERSON:
        raise FieldErrors(
            {"signature.capacity": _("Sign for yourself: the organization has signed already.")}
        )
    membership.acceptance = store_acceptance(
        signer=person, version=version, signature=signature, now=now
    )
    membership.person = person
    screening = admit_member(membership, now)
    if membership.is_held:
        checks.send_member_check(membership, screening, now=now)
    else:
        members.send_joined(membership, now=now)
    event, facts = told_of_joining(membership, screening)
    record(event, actor=person, target=membership, at=now, **facts)
    return membership


def organization_shared(person: User, grant: Grant, now: datetime) -> Organization | None:
    """Return the organization that the person and the grant's holder are both proved to be of.

    Return None where nothing proves where the holder works: then the invited address is all that
    there is to go by. Raise NotOfTheOrganization where the person's organizations are others.
    """
    organizations = {affiliation.organization for affiliation in affiliations_of(grant.person, now)}
    if not organizations:
        return None
    for affiliation in affiliations_of(person, now):
        if affiliation.organization in organizations:
            return affiliation.organization
    names = " or ".join(sorted(organization.name for organization in organizations))
    raise NotOfTheOrganization(names, help_url=reverse("accounts:affiliations"))


def _invitation(person: User, membership_id: int) -> Membership:
    """Lock an invitation, after its grant, for somebody with the proved address that it names.

    Return their membership instead where they are a member by another of their addresses already.
    """
    invitation = Membership.objects.standing().filter(pk=membership_id).first()
    if invitation is None or not invited(person, invitation):
        raise MembershipNotFound
    grant = lock_grant(invitation.grant_id)
    locked = (
        Membership.objects.select_for_update(no_key=True)
        .standing()
        .filter(pk=invitation.pk)
        .first()
    )
    if locked is None or grant is None or grant.person_id == person.pk:
        raise MembershipNotFound
    twin = Membership.objects.standing().filter(grant=grant, person=person).first()
    if twin is not None:
        return twin
    locked.grant = grant
    return locked


def invited(person: User, membership: Membership) -> bool:
    """Tell whether an invitation names a proved address of this person, or was theirs."""
    if membership.person_id is not None:
        return membership.person_id == person.pk
    proved = EmailAddress.objects.filter(user=person, verified=True)
    return bool(proved.filter(email__iexact=membership.email).exists())


def _signed_text(membership: Membership, signature: Signature, now: datetime) -> LicenceVersion:
    for version in texts_for(membership, now):
        if version.sha256 == signature.text_sha256:
            return version
    raise LicenceChanged
