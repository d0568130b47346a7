"""Look up where people work, and which addresses are proved to be theirs."""

from __future__ import annotations

from datetime import UTC, datetime

from allauth.account.models import EmailAddress
from django.db.models import Q

from portal.accounts.models import Affiliation, Organization, User
from portal.database.compiled_query import CompiledQuery

# Each prompt asks for it.
LATEST = CompiledQuery(
    lambda person, now: (
        Affiliation.objects.of(person).standing_at(now).values_list("organization")[:1]
    ),
    {"person": -101, "now": datetime.min.replace(tzinfo=UTC)},
)


def affiliations_of(person: User, now: datetime) -> list[Affiliation]:
    """List the proofs in force of where a person works, with organizations, newest first.

    An organization that is proved by two methods is listed twice.
    """
    standing = Affiliation.objects.of(person).standing_at(now)
    return list(standing.select_related("organization", "proved_by"))


def is_affiliated(person: User, now: datetime) -> bool:
    """Tell whether anything proves, at this time, that a person belongs to an organization."""
    return Affiliation.objects.of(person).standing_at(now).exists()


def organization_id_of(person: User, now: datetime) -> int | None:
    """Return the id of the organization that somebody is proved to belong to.

    Of several it is the last proved.
    """
    rows = LATEST.rows(person=person.pk, now=now)
    return rows[0][0] if rows else None


def addresses_of(person: User) -> list[str]:
    """List the addresses that a person has proved to be theirs, the primary one first."""
    proved = EmailAddress.objects.filter(user=person, verified=True).order_by("-primary", "email")
    return list(proved.values_list("email", flat=True))


def find_person_by_email(email: str) -> User | None:
    """Find the active person who has proved this address; an address is proved by one at most."""
    return User.objects.filter(
        is_active=True, emailaddress__verified=True, emailaddress__email__iexact=email.strip()
    ).first()


def find_person(words: str) -> User | None:
    """Find the active person who has proved this address, or who has this username."""
    name = words.strip()
    named = User.objects.filter(username__iexact=name, is_active=True)
    return find_person_by_email(name) or named.first()


def organization_in_words(words: str) -> Organization | None:
    """Find the registered organization that a ROR id or a whole name stands for.

    Return None for a name that several have: a reviewer must not be shown the wrong one.
    """
    words = " ".join(words.split())
    ror_id = words.removeprefix("https://ror.org/")
    if organization := Organization.objects.filter(ror_id=ror_id).first():
        return organization
    listed = Q(ror_id__isnull=False) | Q(domains__isnull=False)
    namesakes = Organization.objects.filter(listed, name__iexact=words).distinct()[:2]
    return namesakes[0] if len(namesakes) == 1 else None
