"""Find the grants that open models to a person, for the page of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from portal.access.models import Coverage, Grant
from portal.accounts.models import User
from portal.catalog.models import ModelRepo


def grants_by_repo(person: User, repos: Sequence[ModelRepo], now: datetime) -> dict[int, Grant]:
    """Return, by repo, the newest grant that opens it to a person, in two queries for all.

    A hold may still stop the use; the page of the model says so.
    """
    active: Any = Grant.objects.usable_by(person).active_at(now).order_by("pk")
    by_key = {grant.pk: grant for grant in active}
    plain = {grant.repo_id: grant for grant in by_key.values() if grant.collection_id is None}
    rows = Coverage.objects.standing().filter(grant__in=by_key, repo__in=repos).order_by("grant")
    return plain | {row.repo_id: by_key[row.grant_id] for row in rows}
