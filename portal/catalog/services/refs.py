"""Create and delete branches and tags; a deleted one leaves its revision."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.errors import RefExists, RefKept, RevisionNotFound
from portal.catalog.models import ModelRepo, PendingRef, Ref, Revision
from portal.catalog.paths import require_ref
from portal.catalog.quarantine.naming import is_named, point, tip_of, unname
from portal.catalog.services.lookup import DEFAULT_BRANCH, find_revision, refs_seen
from portal.catalog.services.repos import locked_for_publishing
from portal.catalog.services.revisions import LONGEST_MESSAGE
from portal.parsing.texts import require_text


@transaction.atomic
def create_branch(
    *, actor: User, repo_id: int, name: str, start: str, now: datetime
) -> Ref | PendingRef:
    """Make a branch that begins at ``start``, which names a branch, a tag or a commit."""
    repo = locked_for_publishing(actor, repo_id)
    branch = _named(actor, repo, Ref.Kind.BRANCH, name, start)
    record(EventType.BRANCH_CREATED, actor=actor, target=repo, at=now, **_facts(branch))
    return branch


@transaction.atomic
def create_tag(
    *, actor: User, repo_id: int, name: str, at: str, message: str, now: datetime
) -> Ref | PendingRef:
    """Tag the revision that ``at`` names; the tag's message goes into the audit record."""
    repo = locked_for_publishing(actor, repo_id)
    message = require_text(message, "message", at_most=LONGEST_MESSAGE)
    tag = _named(actor, repo, Ref.Kind.TAG, name, at)
    record(EventType.TAG_CREATED, actor=actor, target=repo, at=now, message=message, **_facts(tag))
    return tag


@transaction.atomic
def delete_branch(*, actor: User, repo_id: int, name: str, now: datetime) -> None:
    """Delete a branch; its revisions stay, and are found by their commits."""
    repo = locked_for_publishing(actor, repo_id)
    if name == DEFAULT_BRANCH:
        raise RefKept(f"Cannot delete refs/heads/{DEFAULT_BRANCH}")
    facts = _facts(_known(actor, repo, Ref.Kind.BRANCH, name))
    unname(repo, Ref.Kind.BRANCH, name)
    record(EventType.BRANCH_DELETED, actor=actor, target=repo, at=now, **facts)


@transaction.atomic
def delete_tag(*, actor: User, repo_id: int, name: str, now: datetime) -> None:
    repo = locked_for_publishing(actor, repo_id)
    facts = _facts(_known(actor, repo, Ref.Kind.TAG, name))
    unname(repo, Ref.Kind.TAG, name)
    record(EventType.TAG_DELETED, actor=actor, target=repo, at=now, **facts)


def branch_head(repo: ModelRepo, name: str) -> Revision:
    """Return a branch's newest revision, in quarantine too, by the branch's short or full name.

    Raises RevisionNotFound for a commit or a tag, since nothing can be added to these.
    """
    tip = tip_of(repo, name.removeprefix("refs/heads/"))
    if tip is None:
        raise _invalid(name)
    return tip


def _named(actor: User, repo: ModelRepo, kind: Ref.Kind, name: str, at: str) -> Ref | PendingRef:
    wanted = Ref(repo=repo, kind=kind, name=require_ref(name))
    if is_named(repo, kind, name):
        raise RefExists(wanted.full_name)
    try:
        revision = find_revision(repo, at, caller=Caller(actor))
    except RevisionNotFound as error:
        raise _invalid(at) from error
    return point(repo, kind, name, revision)


def _known(actor: User, repo: ModelRepo, kind: Ref.Kind, name: str) -> Ref | PendingRef:
    seen = refs_seen(repo, Caller(actor), [name])
    known = next((ref for ref in seen if ref.kind == kind), None)
    if known is None:
        raise _invalid(name)
    return known


def _invalid(name: str) -> RevisionNotFound:
    return RevisionNotFound(f"Invalid rev id: {name}")


def _facts(ref: Ref | PendingRef) -> dict[str, str]:
    return {"repo": ref.repo.full_name, "ref": ref.full_name, "commit": ref.revision.commit}
