"""Who or what a hold is on, found by the name that a person knows it by."""

from __future__ import annotations

from allauth.account.models import EmailAddress

from portal.access.models import Hold
from portal.accounts.models import Organization, User
from portal.catalog.models import ModelRepo, Revision
from portal.text.bidi import isolated

Scope = Hold.Scope
SHORTEST_COMMIT = 10


def subject_id(scope: str, name: str, repo: ModelRepo | None) -> int | None:
    """Its key; None where nothing, or more than one thing, has that name."""
    name = name.strip()
    if scope == Scope.PERSON:
        return _person(name)
    if scope == Scope.ORGANIZATION:
        return _organization(name)
    return _revision(name, repo)


def subject_words(hold: Hold) -> str:
    """Who or what is held, as lists name it."""
    if hold.person is not None:
        return f"{isolated(hold.person.display_name)} ({hold.person.username})"
    return str(hold.organization or hold.revision or "")


def _person(name: str) -> int | None:
    person = User.objects.filter(username__iexact=name).first()
    if person is not None:
        return person.pk
    address = EmailAddress.objects.filter(email__iexact=name, verified=True).first()
    return int(address.user_id) if address else None


def _organization(name: str) -> int | None:
    by_id = name.rstrip("/").rpartition("/")[2].lower()
    found = Organization.objects.filter(ror_id=by_id) | Organization.objects.filter(
        name__iexact=name
    )
    keys = list(found.values_list("pk", flat=True)[:2])
    return keys[0] if len(keys) == 1 else None


def _revision(name: str, repo: ModelRepo | None) -> int | None:
    if repo is None or len(name) < SHORTEST_COMMIT:
        return None
    found = Revision.objects.filter(repo=repo, commit__startswith=name.lower())
    keys = list(found.values_list("pk", flat=True)[:2])
    return keys[0] if len(keys) == 1 else None
