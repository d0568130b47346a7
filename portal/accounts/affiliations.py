"""What is known of where people work, and by which addresses they are known."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db.models import Q

from portal.accounts.models import Affiliation, Organization, User


def affiliations_of(person: User, now: datetime) -> list[Affiliation]:
    """The standing proofs of where this person works, newest first, with their organizations.

    Two methods for one organization are two rows.
    """
    standing = Affiliation.objects.of(person).standing_at(now)
    return list(standing.select_related("organization", "proved_by"))


def is_affiliated(person: User, now: datetime) -> bool:
    """Whether any method proves, at this time, that the person belongs to some organization."""
    return Affiliation.objects.of(person).standing_at(now).exists()


def addresses_of(person: User) -> list[str]:
    """The addresses that this person has proved to be theirs, the primary one first."""
    proved = EmailAddress.objects.filter(user=person, verified=True).order_by("-primary", "email")
    return list(proved.values_list("email", flat=True))


def find_person_by_email(email: str) -> User | None:
    """The one active person who has proved this address; at most one can."""
    return User.objects.filter(
        is_active=True, emailaddress__verified=True, emailaddress__email__iexact=email.strip()
    ).first()


def organization_in_words(words: str) -> Organization | None:
    """The listed organization that a person means by its ROR id or by its whole name.

    A name that several bear means none of them: a reviewer must not be shown the wrong one.
    """
    words = " ".join(words.split())
    ror_id = words.removeprefix("https://ror.org/")
    if found := Organization.objects.filter(ror_id=ror_id).first():
        return found
    listed = Q(ror_id__isnull=False) | Q(domains__isnull=False)
    bearing = Organization.objects.filter(listed, name__iexact=words).distinct()[:2]
    return bearing[0] if len(bearing) == 1 else None
