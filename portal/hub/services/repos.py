"""Make and set repos as the Hub’s clients do, by the catalogue’s own services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.catalog.lfs_rules import ATTRIBUTES, FIRST_ATTRIBUTES
from portal.catalog.models import Gate, Licence, ModelRepo, Revision
from portal.catalog.quarantine.naming import tip_of
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.lookup import DEFAULT_BRANCH
from portal.catalog.services.repos import (
    configure_repo,
    create_repo,
    locked_for_publishing,
    seat_first,
    settings_url,
)
from portal.catalog.services.revisions import release_revision
from portal.catalog.services.squashing import squash_branch
from portal.errors import FieldErrors
from portal.hub.metadata.front_matter import card_of, read_metadata
from portal.hub.services.uploads import forget_hidden

GATES: dict[str | bool, Gate] = {False: Gate.OPEN, "auto": Gate.LICENCE, "manual": Gate.REVIEW}
FIRST_TITLE = "initial commit"


@transaction.atomic
def start_repo(
    *, actor: User, namespace: str, name: str, now: datetime, **configuration: Any
) -> ModelRepo:
    """Make a repo with a first revision, so that clients find a branch to commit to.

    Unless the ``configuration`` says otherwise, it has no licence yet, and so no gate.
    """
    chosen = {"download_gate": Gate.OPEN, "inference_gate": Gate.OPEN} | configuration
    repo = create_repo(actor=actor, namespace=namespace, name=name, now=now, **chosen)
    seat_first(actor, repo, now)
    begin_history(repo, actor, now)
    return repo


def begin_history(repo: ModelRepo, actor: User, now: datetime) -> None:
    """Make a new repo's first revision, which holds nothing but git's own file."""
    release_revision(
        actor=actor,
        repo_id=repo.pk,
        contents=[store_bytes(ATTRIBUTES, FIRST_ATTRIBUTES.encode())],
        title=FIRST_TITLE,
        now=now,
    )


@transaction.atomic
def set_repo(
    *,
    actor: User,
    repo_id: int,
    now: datetime,
    private: bool | None = None,
    gated: str | bool | None = None,
) -> ModelRepo:
    """Change who sees a repo, and what stands before its files.

    ``gated`` is the gate of downloads; that of hosted inference goes along where it was the same.
    A gate needs a licence: one that the card names is taken.
    """
    repo = locked_for_publishing(actor, repo_id)
    changes: dict[str, Any] = {}
    if private is not None:
        changes["private"] = private
    if gated is not None:
        changes |= _gates(repo, GATES[gated])
    if {Gate.REVIEW, Gate.LICENCE}.intersection(changes.values()):
        _require_licence(repo, changes)
    return configure_repo(actor=actor, repo_id=repo_id, now=now, **changes)


@transaction.atomic
def squash_history(
    *, actor: User, repo_id: int, branch: str, title: str, message: str, now: datetime
) -> Revision:
    """Make one revision of a branch's history.

    Commits may no longer name bytes that only the past held: they must be uploaded again.
    """
    revision = squash_branch(
        actor=actor, repo_id=repo_id, branch=branch, title=title, message=message, now=now
    )
    forget_hidden(repo_id)
    return revision


def _require_licence(repo: ModelRepo, changes: dict[str, Any]) -> None:
    """Raise FieldErrors with where to choose a licence: the Hub’s clients have no word for one."""
    if repo.licence is None and "licence" not in changes:
        where = (
            f"A gated model stands under a licence. Choose one that is published here: in the "
            f"model’s settings, {settings_url(repo)}, or by name in README.md’s metadata, "
            "“license_name: NAME”; then gate the model."
        )
        raise FieldErrors({"licence": where})


def _gates(repo: ModelRepo, gate: Gate) -> dict[str, Any]:
    changes: dict[str, Any] = {"download_gate": gate}
    if repo.inference_gate == repo.download_gate:
        changes["inference_gate"] = gate
    if gate != Gate.OPEN and repo.licence is None and (licence := _licence_of_card(repo)):
        changes["licence"] = licence
    return changes


def _licence_of_card(repo: ModelRepo) -> Licence | None:
    """Return the licence, published here, that ``license_name`` in README.md names."""
    head = tip_of(repo, DEFAULT_BRANCH)
    name = read_metadata(card_of(head)).get("license_name") if head else None
    if not isinstance(name, str):
        return None
    return Licence.objects.filter(slug=name, versions__isnull=False).first()
