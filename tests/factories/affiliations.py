"""Organizations, and proofs that people belong to them."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress

from portal.accounts.models import Affiliation, Organization, OrganizationDomain, User
from portal.accounts.services import prove_by_email
from tests.factories.accounts import LONG_AGO, make_user


def make_organization(
    *domains: str, name: str = "Example University", ror_id: str | None = None, **values: str
) -> Organization:
    organization = Organization.objects.create(
        name=name, ror_id=ror_id, created_at=LONG_AGO, **values
    )
    OrganizationDomain.objects.bulk_create(
        OrganizationDomain(organization=organization, domain=domain_name) for domain_name in domains
    )
    return organization


def affiliate(
    person: User,
    organization: Organization | None = None,
    *,
    expires_at: datetime = LONG_AGO + timedelta(days=3650),
) -> Organization:
    """Somebody long proved to be there; at an organization of their own, if none is named."""
    organization = organization or make_organization()
    Affiliation.objects.create(
        person=person,
        organization=organization,
        method="email",
        evidence="university.example",
        proved_at=LONG_AGO,
        expires_at=expires_at,
    )
    return organization


def give_address(person: User, email: str, *, verified: bool = True) -> EmailAddress:
    return EmailAddress.objects.create(user=person, email=email, verified=verified)


def make_member(domain: str, *, now: datetime) -> tuple[User, Affiliation]:
    """Somebody proved, by mail, to belong to the organization of this domain."""
    person = make_user()
    address = give_address(person, f"{person.username}@{domain}")
    (affiliation,) = prove_by_email(person=person, now=now, confirmed=address.email)
    return person, affiliation
