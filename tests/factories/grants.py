"""Offers, grants of organizations, members, newer licence texts and holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from portal.access.grants.audit.facts import facts_of
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.members.membership import invite_member
from portal.access.grants.offers import accept_offer
from portal.access.grants.renewals import renew_grant
from portal.access.holds.holds import place_hold
from portal.access.models import GateSettings, Grant, Hold, Membership, Renewal
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import LicenceVersion, ModelRepo, TeamMember
from portal.catalog.services.licences import publish_licence_version
from tests.factories.access import make_signature
from tests.factories.accounts import LONG_AGO, make_user, the_operator
from tests.factories.catalog import TERMS, make_repo, make_reviewer


def make_administrator(repo: ModelRepo) -> User:
    return make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR)


def make_offer(
    repo: ModelRepo | None = None,
    person: User | None = None,
    *,
    modes: tuple[str, ...] = ("download", "inference"),
    conditions: dict[str, Any] | None = None,
    now: datetime = LONG_AGO,
    days: int = 365,
    offer_days: int = 30,
) -> Grant:
    """Terms that wait for a signature, as a decision leaves them."""
    with transaction.atomic():
        grant = Grant.objects.create(
            repo=repo or make_repo(),
            person=person or make_user(),
            modes=list(modes),
            conditions=conditions or {},
            offered_at=now,
            offer_expires_at=now + timedelta(days=offer_days),
            expires_at=now + timedelta(days=days),
        )
        record(EventType.GRANT_OFFERED, actor=None, target=grant, at=now, **facts_of(grant))
    return grant


def make_accepted(
    repo: ModelRepo | None = None,
    person: User | None = None,
    *,
    capacity: str = "person",
    now: datetime = LONG_AGO,
    **terms: Any,
) -> Grant:
    """Make an active grant: offered, and signed for oneself or for an organization."""
    offer = make_offer(repo, person, now=now, **terms)
    entity = "Example University, Dean" if capacity == "entity" else ""
    signature = make_signature(offer.person, offer.repo, now=now, capacity=capacity, entity=entity)
    return accept_offer(person=offer.person, grant_id=offer.pk, signature=signature, now=now)


def make_entity_grant(repo: ModelRepo | None = None, **more: Any) -> Grant:
    return make_accepted(repo, capacity="entity", **more)


def make_invitation(grant: Grant, person: User, *, now: datetime) -> Membership:
    return invite_member(holder=grant.person, grant_id=grant.pk, email=person.email, now=now)


def make_member(grant: Grant, person: User | None = None, *, now: datetime) -> Membership:
    """Somebody who joined by signing."""
    person = person or make_user()
    membership = make_invitation(grant, person, now=now)
    signature = make_signature(person, grant.repo, now=now)
    return join_as_member(person=person, membership_id=membership.pk, signature=signature, now=now)


def make_newer_text(
    *, now: datetime, version: str = "2.0", kind: str = "material"
) -> LicenceVersion:
    return publish_licence_version(
        actor=the_operator(),
        slug="noncommercial",
        name="Noncommercial Research Licence",
        version=version,
        kind=kind,
        text=f"You may study it, as version {version} says.",
        attribution="Licensed under the Noncommercial Research Licence.",
        terms=TERMS,
        now=now,
    )


def make_gate(repo: ModelRepo, **chosen: Any) -> GateSettings:
    settings, _ = GateSettings.objects.update_or_create(repo=repo, defaults=chosen)
    return settings


def make_hold(
    subject: Any, repo: ModelRepo | None = None, *, actor: User | None = None, now: datetime
) -> Hold:
    """On a person, an organization or a revision; on every model where no repo is named."""
    scope = {"User": "person", "Organization": "organization", "Revision": "revision"}
    placer = actor or (make_administrator(repo) if repo else the_operator())
    return place_hold(
        actor=placer,
        scope=scope[type(subject).__name__],
        subject_id=subject.pk,
        repo_id=repo.pk if repo else None,
        reason="We look into it.",
        now=now,
    )


def join(membership: Membership, person: User, now: datetime, **changed: Any) -> Membership:
    """Sign as a member, in the words that a person would."""
    signature = make_signature(person, membership.grant.repo, now=now, **changed)
    return join_as_member(person=person, membership_id=membership.pk, signature=signature, now=now)


def make_renewal(
    grant: Grant, now: datetime, holder: User | None = None, **changed: Any
) -> Renewal:
    """File a report and sign the text in force for a renewal."""
    holder = holder or grant.person
    words = {"report": "We measured calibration.", "publications": "A paper.", **changed}
    signed = grant.acceptance
    capacity, entity = (signed.capacity, signed.entity) if signed else ("person", "")
    signature = make_signature(holder, grant.repo, now=now, capacity=capacity, entity=entity)
    return renew_grant(holder=holder, grant_id=grant.pk, signature=signature, now=now, **words)
