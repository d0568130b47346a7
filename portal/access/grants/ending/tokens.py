"""Revoke access tokens together with the right that they rest on, in the same transaction."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from portal.access.models import Grant
from portal.access.policy.permissions import Action
from portal.access.policy.policy import may
from portal.accounts.models import AccessToken, User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo

RIGHTS = (Action.DOWNLOAD, Action.INFER, Action.PUBLISH, Action.REVIEW, Action.ADMINISTER)


def end_tokens(
    person: User, repo: ModelRepo, *, actor: User | None, now: datetime, narrowed_only: bool = False
) -> int:
    """Revoke a person's tokens that reach this repo, unless something else opens it to them.

    That may be another grant (even one that a hold stops), an open gate, a role in its team, or a
    request that waits. ``narrowed_only`` leaves tokens that weren't made for named repos. Return
    how many were revoked.
    """
    granted = Grant.objects.usable_by(person, repo).active_at(now).exists()
    if granted or any(may(person, right, repo, now).allowed for right in RIGHTS):
        return 0
    reach = Q(repo_ids__contains=[repo.pk])
    if not narrowed_only:
        reach |= Q(repo_ids=None)
    standing = AccessToken.objects.select_for_update(no_key=True).filter(
        reach, user=person, revoked_at=None
    )
    for token in standing.order_by("pk"):
        token.revoked_at = now
        token.save(update_fields=["revoked_at"])
        record(EventType.TOKEN_REVOKED, actor=actor, target=token, at=now, repo=repo.pk)
    return len(standing)
