"""Make and set repos as the Hub’s clients do, by the catalogue’s own services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.catalog.lfs_rules import ATTRIBUTES, FIRST_ATTRIBUTES
from portal.catalog.models import Gate, Licence, ModelRepo, Revision, TeamMember
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.lookup import head_revision
from portal.catalog.services.repos import (
    add_team_member,
    configure_repo,
    create_repo,
    locked_for_publishing,
)
from portal.catalog.services.revisions import release_revision
from portal.catalog.services.squashing import squash_branch
from portal.hub.metadata.front_matter import card_of, read_metadata
from portal.hub.services.uploads import forget_hidden

GATES: dict[str | bool, Gate] = {False: Gate.OPEN, "auto": Gate.LICENCE, "manual": Gate.REVIEW}
FIRST_TITLE = "initial commit"


@transaction.atomic
def start_repo(
    *, actor: User, namespace: str, name: str, private: bool, now: datetime
) -> ModelRepo:
    """Make a repo with a first revision, so that clients find a branch to commit to.

    It has no licence yet, and so no gate.
    """
    repo = create_repo(
        actor=actor,
        namespace=namespace,
        name=name,
        private=private,
        download_gate=Gate.OPEN,
        inference_gate=Gate.OPEN,
        now=now,
    )
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
    A gate needs a licence: one that the card names is taken. A gate by request needs somebody who
    decides: with nobody on the team, whoever sets it is.
    """
    repo = locked_for_publishing(actor, repo_id)
    changes: dict[str, Any] = {}
    if private is not None:
        changes["private"] = private
    if gated is not None:
        changes |= _gates(repo, GATES[gated])
    repo = configure_repo(actor=actor, repo_id=repo_id, now=now, **changes)
    if repo.takes_requests and not repo.team.exists():
        administrator = TeamMember.Role.ADMINISTRATOR
        add_team_member(actor=actor, repo_id=repo_id, user=actor, role=administrator, now=now)
    return repo


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


def _gates(repo: ModelRepo, gate: Gate) -> dict[str, Any]:
    changes: dict[str, Any] = {"download_gate": gate}
    if repo.inference_gate == repo.download_gate:
        changes["inference_gate"] = gate
    if gate != Gate.OPEN and repo.licence is None and (licence := _licence_of_card(repo)):
        changes["licence"] = licence
    return changes


def _licence_of_card(repo: ModelRepo) -> Licence | None:
    """Return the licence, published here, that ``license_name`` in README.md names."""
    head = head_revision(repo)
    name = read_metadata(card_of(head)).get("license_name") if head else None
    if not isinstance(name, str):
        return None
    return Licence.objects.filter(slug=name, versions__isnull=False).first()
