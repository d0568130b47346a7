"""Squash a branch’s history into one revision; what is left out is hidden, not destroyed."""

from __future__ import annotations

from datetime import datetime
from itertools import chain

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.errors import InQuarantine
from portal.catalog.models import ModelRepo, Ref, Revision
from portal.catalog.quarantine.naming import point
from portal.catalog.quarantine.passing import pass_revision
from portal.catalog.services.lookup import contents_of
from portal.catalog.services.refs import branch_head
from portal.catalog.services.repos import locked_for_publishing
from portal.catalog.services.revisions import make_revision


@transaction.atomic
def squash_branch(
    *, actor: User, repo_id: int, branch: str, title: str, now: datetime, message: str = ""
) -> Revision:
    """Replace a branch's history by one revision with the same files.

    Revisions that no branch or tag leads to any more are hidden and no longer served. Grants,
    signatures and events that name them still find them. A branch of one revision stays as it is.
    """
    repo = locked_for_publishing(actor, repo_id)
    head = branch_head(repo, branch)
    if head.parent_id is None:
        return head
    if head.is_quarantined:
        raise InQuarantine(head.commit)
    contents = list(contents_of(head).values())
    revision = make_revision(
        repo, None, contents, actor=actor, title=title, message=message, now=now
    )
    name = branch.removeprefix("refs/heads/")
    # The same files have passed their check already.
    pass_revision(revision, actor=actor, now=now)
    point(repo, Ref.Kind.BRANCH, name, revision)
    hidden = _hide_the_unreachable(repo, now)
    record(
        EventType.BRANCH_SQUASHED,
        actor=actor,
        target=revision,
        at=now,
        repo=repo.full_name,
        branch=name,
        commit=revision.commit,
        squashed=head.commit,
        hidden=hidden,
    )
    return revision


def _hide_the_unreachable(repo: ModelRepo, now: datetime) -> int:
    """Hide what no ref leads to, and show what one leads to again. Return how many were hidden."""
    revisions = Revision.everything.filter(repo=repo)
    parents = dict(revisions.values_list("pk", "parent_id"))
    reached: set[int] = set()
    starts = [refs.values_list("revision_id", flat=True) for refs in (repo.refs, repo.pending_refs)]
    for start in chain.from_iterable(starts):
        current: int | None = start
        while current is not None and current not in reached:
            reached.add(current)
            current = parents[current]
    # A ref may lead again to a revision that an earlier squash has hidden.
    revisions.filter(pk__in=reached).show()
    return revisions.exclude(pk__in=reached).hide(now)
