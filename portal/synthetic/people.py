"""Synthetic people: named by role and number, at addresses that nobody has."""

from __future__ import annotations

from datetime import datetime

from portal.access.gate.settings import seat_member
from portal.accounts.models import Organization, OrganizationDomain, Sector, User
from portal.accounts.services import create_user
from portal.catalog.models import ModelRepo

DOMAIN = "synthetic.example.org"
SECTORS = [str(sector) for sector in Sector.values]
COUNTRIES = ("NL", "KE", "IN", "BR", "CA", "ZA", "JP", "NO", "US", "CL")
KINDS = {
    "academia": "University",
    "government": "Agency",
    "civil_society": "Society",
    "industry_lab": "Laboratory",
}
HEADS, REVIEWERS = 2, 6


def real_people() -> int:
    """Count the people of this installation who aren't synthetic, without its operators."""
    others = User.objects.exclude(email__iendswith=DOMAIN).exclude(is_superuser=True)
    return others.count()


def make_person(role: str, number: int, place: str, now: datetime, **more: bool) -> User:
    """Make an account that nobody can sign in to: it has no password."""
    return create_user(
        username=f"synthetic-{role}-{number:04}",
        email=f"{role}-{number:04}@{place}.{DOMAIN}",
        name=f"Synthetic {role.title()} {number:04}",
        password=None,
        now=now,
        **{"email_verified": True, **more},
    )


def make_organization(number: int, now: datetime) -> Organization:
    """Make an organization whose addresses prove that their owners belong to it."""
    sector = SECTORS[number % len(SECTORS)]
    organization = Organization.objects.create(
        name=f"Synthetic {KINDS[sector]} {number:02}",
        country=COUNTRIES[number % len(COUNTRIES)],
        sector=sector,
        created_at=now,
    )
    OrganizationDomain.objects.create(organization=organization, domain=f"{place(number)}.{DOMAIN}")
    return organization


def place(number: int) -> str:
    return f"place-{number:02}"


def seat_team(
    operator: User, repos: list[ModelRepo], now: datetime
) -> tuple[list[User], list[User]]:
    """Make heads and reviewers, and put them on each model's team."""
    heads = [make_person("head", number, "lab", now) for number in range(1, HEADS + 1)]
    reviewers = [make_person("reviewer", number, "lab", now) for number in range(1, REVIEWERS + 1)]
    seats = [(head, "administrator") for head in heads]
    seats += [(reviewer, "reviewer") for reviewer in reviewers]
    for repo in repos:
        for person, role in seats:
            seat_member(actor=operator, repo_id=repo.pk, person=person.username, role=role, now=now)
    return heads, reviewers
