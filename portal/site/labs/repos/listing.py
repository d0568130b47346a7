"""The models of a lab, with what waits at each and what was published of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from portal.access.gate.effects import waiting_by_repo
from portal.accounts.models import Namespace, User
from portal.catalog.models import File, ModelRepo, PendingRef, Ref, RevisionCheck
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.site.catalogue import CALLED_WEIGHTS


@dataclass(frozen=True)
class ModelRow:
    """A model in its lab's list: the requests that wait there, and the state of its files.

    ``newest`` says how the newest revision stands, while it is in quarantine.
    """

    repo: ModelRepo
    waiting: int
    commit: str
    has_weights: bool
    newest: str


def models_of(lab: Namespace, person: User) -> QuerySet[ModelRepo]:
    """Select the lab's models that a person publishes or administers, with their newest commit."""
    main = Ref.objects.filter(
        repo=OuterRef("pk"), kind=Ref.Kind.BRANCH, name=DEFAULT_BRANCH
    ).values("revision")
    pending = PendingRef.objects.filter(
        repo=OuterRef("pk"), kind=PendingRef.Kind.BRANCH, name=DEFAULT_BRANCH
    ).values("revision__check_state__state")
    weights = File.objects.filter(CALLED_WEIGHTS, revision=OuterRef("head"))
    standing = ModelRepo.objects.administered_by(person).filter(namespace=lab, deleted_at=None)
    return (
        standing.with_names()
        .annotate(head=Subquery(main[:1]), head_commit=Subquery(main.values("revision__commit")))
        .annotate(has_weights=Exists(weights), newest_state=Subquery(pending[:1]))
        .order_by("name")
    )


def rows_of(page: Page[ModelRepo]) -> list[ModelRow]:
    """Return a row for each model of a page, in one query more."""
    repos = list(page)
    waiting = waiting_by_repo(repos)
    return [_row(repo, waiting.get(repo.pk, 0)) for repo in repos]


def _row(repo: Any, waiting: int) -> ModelRow:
    state = repo.newest_state
    newest = str(RevisionCheck.State(state).label) if state else ""
    return ModelRow(repo, waiting, repo.head_commit or "", repo.has_weights, newest)
