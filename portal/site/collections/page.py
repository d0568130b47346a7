"""Gather what a visitor has of a collection's models, and the one thing to do next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from portal.access.grants.collections.opened import grants_by_repo
from portal.access.grants.licence_gate import modes_by_signature
from portal.access.lifecycle import ends_at
from portal.access.models import AccessRequest, Grant
from portal.access.policy.policy import Action, Person, may
from portal.access.requests.asked_models import is_asked_together
from portal.access.status_badge import StatusBadge
from portal.accounts.models import User
from portal.catalog.collections.reading import members_of
from portal.catalog.models import Collection, Gate, ModelRepo
from portal.formatting import whole_date


@dataclass(frozen=True)
class MemberRow:
    """A model of a collection, as a visitor has it; ``grant`` is theirs, ``url`` what to see."""

    repo: ModelRepo
    state: StatusBadge
    url: str = ""
    is_open: bool = False


@dataclass(frozen=True)
class CollectionPage:
    """A collection with its models, and the button of its page: a label and an address.

    ``together``: what one request asks for, under so many ``texts``.
    """

    collection: Collection
    rows: list[MemberRow]
    together: list[ModelRepo]
    texts: int
    act: tuple[str, str] | None


def look_at_collection(collection: Collection, person: Person, now: datetime) -> CollectionPage:
    """Return the page of a collection, in a number of queries that its models don't change."""
    members = members_of(collection, person)
    grants = grants_by_repo(person, members, now) if isinstance(person, User) else {}
    request = _open_request(collection, person)
    chosen = set(request.chosen.values_list("pk", flat=True)) if request else set()
    by_role = _open_by_role(members, person, now)
    rows = [_row(repo, grants.get(repo.pk), request, chosen, by_role) for repo in members]
    together = [repo for repo in members if is_asked_together(repo, collection)]
    texts = len({repo.licence_id for repo in together})
    act = _act(collection, person, rows, request, together)
    return CollectionPage(collection, rows, together, texts, act)


def _open_request(collection: Collection, person: Person) -> AccessRequest | None:
    if not isinstance(person, User):
        return None
    own: Any = AccessRequest.objects.of(person).open()
    request: AccessRequest | None = own.filter(collection=collection).first()
    return request


def _open_by_role(members: list[ModelRepo], person: Person, now: datetime) -> set[int]:
    """Return the keys of the models that their own people may download without a grant."""
    if not isinstance(person, User):
        return set()
    own = ModelRepo.objects.administered_by(person).filter(pk__in=[repo.pk for repo in members])
    keys = set(own.values_list("pk", flat=True))
    return {
        repo.pk
        for repo in members
        if repo.pk in keys and may(person, Action.DOWNLOAD, repo, now).allowed
    }


def _row(
    repo: ModelRepo,
    grant: Grant | None,
    request: AccessRequest | None,
    chosen: set[int],
    by_role: set[int],
) -> MemberRow:
    if grant is not None:
        words = _("Open to you until %(day)s") % {"day": whole_date(ends_at(grant))}
        page = reverse("access:grant", args=[grant.pk])
        return MemberRow(repo, StatusBadge("yes", words, "tick"), page, is_open=True)
    if repo.pk in chosen and request is not None:
        page = reverse("access:request", args=[request.pk])
        return MemberRow(repo, StatusBadge("wait", _("Asked for"), "clock"), page)
    if {repo.download_gate, repo.inference_gate} == {Gate.OPEN}:
        return MemberRow(repo, StatusBadge("yes", _("Open to everybody"), "open"), is_open=True)
    if repo.pk in by_role:
        return MemberRow(repo, StatusBadge("yes", _("Open to you"), "tick"), is_open=True)
    return MemberRow(repo, StatusBadge("calm", _("Not open to you yet"), "todo"))


def _act(
    collection: Collection,
    person: Person,
    rows: list[MemberRow],
    request: AccessRequest | None,
    together: list[ModelRepo],
) -> tuple[str, str] | None:
    if not isinstance(person, User):
        back = urlencode({"next": collection.path})
        return _("Sign in"), f"{reverse('account_login')}?{back}"
    if request is not None:
        is_draft = request.submitted_at is None
        label = _("Continue your draft") if is_draft else _("See your request")
        return label, reverse("access:request", args=[request.pk])
    closed = [row.repo for row in rows if not row.is_open]
    wanted = [repo for repo in closed if repo in together]
    if wanted:
        has_some = any(row.is_open and row.url for row in rows)
        label = _("Ask for the other models") if has_some else _("Request access")
        return label, _page_of("access:start", wanted[0])
    signed = [repo for repo in closed if modes_by_signature(repo)]
    return (_("Sign the licence"), _page_of("access:sign", signed[0])) if signed else None


def _page_of(name: str, repo: ModelRepo) -> str:
    return reverse(name, args=[repo.namespace.name, repo.name])
