"""Find the person, organization or revision to hold, by the name that an administrator types."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from portal.access.models import Hold
from portal.accounts.models import Organization, User
from portal.catalog.models import ModelRepo, Revision
from portal.text.bidi import isolated

Scope = Hold.Scope
SHORTEST_COMMIT = 10


def subject_id(scope: str, name: str, repo: ModelRepo | None) -> int | None:
    """Return the key of what has this name; None where nothing or more than one thing has it."""
    name = name.strip()
    if scope == Scope.PERSON:
        return _person(name)
    if scope == Scope.ORGANIZATION:
        return _organization(name)
    return _revision(name, repo)


def subject_words(hold: Hold) -> str:
    """Name what a hold is on, as lists do."""
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
    return _only(Organization.objects.filter(Q(ror_id=by_id) | Q(name__iexact=name)))


def _revision(name: str, repo: ModelRepo | None) -> int | None:
    if repo is None or len(name) < SHORTEST_COMMIT:
        return None
    return _only(Revision.objects.filter(repo=repo, commit__startswith=name.lower()))


def _only(rows: QuerySet[Any]) -> int | None:
    keys = list(rows.values_list("pk", flat=True)[:2])
    return keys[0] if len(keys) == 1 else None
