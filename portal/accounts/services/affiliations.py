"""Prove where a person works, by an address or a reviewer's word, and end such proofs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from portal.accounts.affiliations import addresses_of
from portal.accounts.errors import NoSuchOrganization, NotOneself
from portal.accounts.models import Affiliation, Organization, OrganizationDomain, User
from portal.accounts.organizations.domains import evidence_domains
from portal.audit.events import EventType
from portal.audit.services import record
from portal.parsing.texts import require_text

Method = Affiliation.Method
RENEWABLE = timedelta(days=30)  # so long before it expires, a proof can be renewed


@transaction.atomic
def prove_by_email(*, person: User, now: datetime, confirmed: str = "") -> list[Affiliation]:
    """Create the proofs that a person's verified addresses give, and return the new ones.

    ``confirmed`` is the address whose letter was answered just now. Only such an address renews a
    proof, since one confirmed long ago says nothing about today. Repeating it changes nothing.
    """
    # The lock on the person keeps two letters answered at once from making two proofs.
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    proved = []
    for organization_id, domain in _organizations_of(addresses_of(person)).items():
        before = _last(person, organization_id, Method.EMAIL)
        is_fresh = bool(confirmed) and domain in evidence_domains(confirmed)
        if before is None or (is_fresh and before.expires_at - now < RENEWABLE):
            affiliation = replace_proof(
                person=person,
                organization_id=organization_id,
                method=Method.EMAIL,
                evidence=domain,
                now=now,
            )
            record(
                EventType.AFFILIATION_PROVED,
                actor=person,
                target=affiliation,
                at=now,
                **proof(affiliation),
            )
            proved.append(affiliation)
    return proved


@transaction.atomic
def end_unproved(*, person: User, now: datetime) -> list[Affiliation]:
    """End the proofs by e-mail that no verified address of a person gives any more."""
    person = User.objects.select_for_update(no_key=True).get(pk=person.pk)
    domains = {domain for address in addresses_of(person) for domain in evidence_domains(address)}
    by_mail = Affiliation.objects.of(person).filter(method=Method.EMAIL, ended_at=None)
    ended = list(by_mail.exclude(evidence__in=domains))
    for affiliation in ended:
        affiliation.ended_at = now
        affiliation.save(update_fields=["ended_at"])
        record(
            EventType.AFFILIATION_ENDED,
            actor=person,
            target=affiliation,
            at=now,
            reason="address no longer verified",
            **proof(affiliation),
        )
    return ended


@transaction.atomic
def vouch_affiliation(
    *, reviewer: User, person_id: int, organization_id: int, evidence: str, now: datetime
) -> Affiliation:
    """Record a reviewer's own knowledge of where a person works, as a proof.

    The caller has checked that the reviewer may vouch. Vouching again, while the proof is in force,
    changes nothing.
    """
    _require_can_vouch(reviewer, person_id, organization_id, evidence)
    person = User.objects.select_for_update(no_key=True).get(pk=person_id)
    before = _last(person, organization_id, Method.REVIEWER)
    if before and before.is_standing(now) and before.expires_at - now >= RENEWABLE:
        return before
    affiliation = replace_proof(
        person=person,
        organization_id=organization_id,
        method=Method.REVIEWER,
        evidence=evidence.strip(),
        now=now,
        by=reviewer,
    )
    record(
        EventType.AFFILIATION_PROVED,
        actor=reviewer,
        target=affiliation,
        at=now,
        **proof(affiliation),
    )
    return affiliation


def organization_named(*, name: str, now: datetime) -> Organization:
    """Find or create the organization of this name that is in no register."""
    name = " ".join(name.split())
    unlisted = Organization.objects.filter(ror_id=None, domains=None)
    return unlisted.filter(name__iexact=name).first() or Organization.objects.create(
        name=name, created_at=now
    )


def replace_proof(
    *,
    person: User,
    organization_id: int,
    method: Method,
    evidence: str,
    now: datetime,
    by: User | None = None,
) -> Affiliation:
    """Replace the last proof by this method, if there is one, with a new one.

    The caller has locked the person's row, and records the event. ``by``: the reviewer who vouches.
    """
    before = _last(person, organization_id, method)
    if before is not None:
        before.ended_at = min(now, before.expires_at)
        before.save(update_fields=["ended_at"])
    return Affiliation.objects.create(
        person=person,
        organization_id=organization_id,
        method=method,
        evidence=evidence,
        proved_by=by,
        proved_at=now,
        expires_at=now + timedelta(days=settings.AFFILIATION_DAYS),
    )


def proof(affiliation: Affiliation) -> dict[str, str | int]:
    """Return what an event records of a proof. Who vouched, and their words, stay in its row."""
    return {
        "person": affiliation.person_id,
        "organization": affiliation.organization_id,
        "method": str(affiliation.method),
    }


def _organizations_of(addresses: Iterable[str]) -> dict[int, str]:
    """Return the organizations that addresses are evidence for, each with its longest domain."""
    domains = {domain for address in addresses for domain in evidence_domains(address)}
    known = OrganizationDomain.objects.filter(domain__in=domains)
    by_length = sorted(known, key=lambda row: row.domain.count("."))
    return {row.organization_id: row.domain for row in by_length}


def _last(person: User, organization_id: int, method: Method) -> Affiliation | None:
    """Return the person's proof that wasn't ended; it may have expired."""
    rows = Affiliation.objects.of(person).filter(ended_at=None, method=method)
    return rows.filter(organization_id=organization_id).first()


def _require_can_vouch(reviewer: User, person_id: int, organization_id: int, evidence: str) -> None:
    if reviewer.pk == person_id:
        raise NotOneself("Nobody can vouch for themselves. Ask a colleague on the team.")
    require_text(evidence, "evidence", missing="Say how you know that this person works there.")
    if not Organization.objects.filter(pk=organization_id).exists():
        raise NoSuchOrganization("There is no such organization. Choose another.")
