"""A model's page: what it is, how to get access, and how to use it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from portal.access.policy.policy import Action, Person, may
from portal.access.requests.licence_text import blocks
from portal.accounts.tokens.authentication import session_caller
from portal.catalog.collections.reading import collection_of
from portal.catalog.errors import EntryNotFound
from portal.catalog.models import LicenceVersion, ModelRepo, Revision
from portal.catalog.services.lookup import (
    DEFAULT_BRANCH,
    find_repo,
    find_revision,
    head_revision,
    refs_seen,
    split_revision,
)
from portal.site.context import person
from portal.site.markdown.cards import look_at_card
from portal.site.model_page.files import card_base, inside, is_bare, read_files
from portal.site.model_page.gates import look_at_gate
from portal.site.model_page.history import read_history
from portal.site.model_page.logbook import LogbookView
from portal.site.model_page.logbook import read as read_logbook
from portal.site.model_page.quarantine import look_at_quarantine
from portal.site.planner.own_models import name_in_planner
from portal.surfaces.reads_only import READS, reads_only
from portal.text.languages import Words


@reads_only
def model(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    now = timezone.now()
    caller = session_caller(request)
    repo = find_repo(f"{namespace}/{name}", caller=caller)
    if (repo.namespace.name, repo.name) != (namespace, name):
        return redirect("site:model", repo.namespace.name, repo.name)
    chosen = request.GET.get("revision", "")
    revision = (
        find_revision(repo, chosen, caller=caller) if chosen else head_revision(repo, caller=caller)
    )
    gate = look_at_gate(person(request), repo, now)
    versions = LicenceVersion.objects.filter(licence=repo.licence).select_related("licence")
    licence = versions.in_force_at(now).first() if repo.licence else None
    context = {
        "repo": repo,
        "gate": gate,
        "collection": collection_of(repo),
        "team_pages": _team_pages(person(request), repo, now),
        "publishes": may(person(request), Action.PUBLISH, repo, now).allowed,
        "licence": licence,
        "licence_blocks": blocks(licence.text) if licence else [],
        "base_url": settings.BASE_URL,
        "now": now,
        "planner_name": name_in_planner(repo, revision),
        **_released(request, repo, revision, chosen=chosen, now=now),
        "logbook": _logbook(request, repo, now),
    }
    return render(request, "site/model.html", context)


@reads_only
def history(request: HttpRequest, namespace: str, name: str, revision: str = "") -> HttpResponse:
    """List the revisions of a model up to one of them, which is the newest unless it is named."""
    caller = session_caller(request)
    repo = find_repo(f"{namespace}/{name}", caller=caller)
    newest = find_revision(repo, revision or DEFAULT_BRANCH, caller=caller)
    page, rows = read_history(repo, newest, caller, request.GET.get("page"))
    context = {"repo": repo, "revision": newest, "page": page, "rows": rows}
    return render(request, "site/history.html", context)


@reads_only
def commit(request: HttpRequest, namespace: str, name: str, commit: str) -> HttpResponse:
    """Redirect from the address that clients print after an upload to the model's page."""
    caller = session_caller(request)
    repo = find_repo(f"{namespace}/{name}", caller=caller)
    revision = find_revision(repo, commit, caller=caller)
    page = reverse("site:model", args=[repo.namespace.name, repo.name])
    return redirect(f"{page}?revision={revision.commit}")


@reads_only
def place(request: HttpRequest, namespace: str, name: str, rest: str) -> HttpResponse:
    """Redirect from the address that clients print for a folder or file to the model's page."""
    caller = session_caller(request)
    repo = find_repo(f"{namespace}/{name}", caller=caller)
    rest = rest.strip("/").removesuffix("/.")  # as uploads of a whole folder print it
    revision, path = split_revision(repo, rest, caller=caller)
    if path and not revision.all_files().filter(inside(path)).exists():
        raise EntryNotFound(path, revision.commit)
    named = rest.removesuffix(path).strip("/")
    query = {"revision": named} | ({"path": path} if path else {})
    page = reverse("site:model", args=[repo.namespace.name, repo.name])
    return redirect(f"{page}?{urlencode(query)}#files")


@reads_only
def unslashed(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    if request.method not in READS:
        find_repo(f"{namespace}/{name}", caller=session_caller(request))
    return redirect("site:model", namespace, name)


REVIEWERS_PAGES = (
    (_("Queue"), "access:queue", False),
    (_("Grants"), "access:granted", True),
    (_("Downloads"), "site:downloads", True),
)
PUBLISHERS_PAGES = (
    (_("Model settings"), "site:model_settings", True),
    (_("Upload files"), "site:upload", True),
)
HEADS_PAGES = (
    (_("Gate settings"), "access:gate", True),
    (_("Questions"), "access:request_form", True),
    (_("Letters"), "access:letters", True),
    (_("Holds"), "access:holds", False),
    (_("Exports"), "site:exports", True),
)


def _team_pages(someone: Person, repo: ModelRepo, now: datetime) -> list[tuple[Words, str]]:
    """Return the label and address of each page that the team works with, as far as allowed."""
    pages = [*REVIEWERS_PAGES] if may(someone, Action.REVIEW, repo, now).allowed else []
    if may(someone, Action.ADMINISTER, repo, now).allowed:
        pages += HEADS_PAGES
    if may(someone, Action.PUBLISH, repo, now).allowed:
        pages += PUBLISHERS_PAGES
    names = (repo.namespace.name, repo.name)
    return [(label, reverse(name, args=names if own else ())) for label, name, own in pages]


def _released(
    request: HttpRequest, repo: ModelRepo, revision: Revision | None, *, chosen: str, now: datetime
) -> dict[str, Any]:
    if revision is None:
        return {"files": None, "card": None, "quarantine": None}
    if is_bare(revision):
        return {"files": None, "card": None, "quarantine": look_at_quarantine(revision)}
    download = may(person(request), Action.DOWNLOAD, revision, now)
    files = read_files(
        repo,
        revision,
        refs=refs_seen(repo, session_caller(request)),
        chosen=chosen or DEFAULT_BRANCH,
        download=download,
        within=request.GET.get("path", "").strip("/"),
    )
    card = look_at_card(revision, card_base(repo, revision, download))
    return {"files": files, "card": card, "quarantine": look_at_quarantine(revision)}


def _logbook(request: HttpRequest, repo: ModelRepo, now: datetime) -> LogbookView | None:
    entries = list(repo.logbook.select_related("corrects"))
    return read_logbook(entries, request.GET, now) if entries else None
