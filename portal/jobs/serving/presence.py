"""Remember in the database which revisions workers served, and when they last did.

Heartbeats in Redis say who is there now. They are gone with Redis, and seconds after a worker was
killed; this is what tells a worker that will be back from one that nobody has.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max

from portal.catalog.models import ModelRepo, Revision
from portal.jobs.models import ServedRevision

NOTE_SECONDS = 5.0
# A worker notes a revision between claims, which a slow commit may hold up for a while.
HELD = timedelta(seconds=30)


def note_served(revision: Revision, now: datetime) -> None:
    """Note that a worker holds this revision, ready for jobs."""
    ServedRevision.objects.update_or_create(revision_id=revision.pk, defaults={"last_seen_at": now})


def last_served(repo_ids: Iterable[int]) -> dict[int, datetime]:
    """Return when a worker last served each repo, by repo id; nothing where none ever did."""
    rows = ServedRevision.objects.filter(revision__repo__in=list(repo_ids)).order_by()
    newest = rows.values_list("revision__repo_id").annotate(Max("last_seen_at"))
    return dict(newest)


def served_lately(repo: ModelRepo, now: datetime, *, since: datetime | None = None) -> bool:
    """Tell whether a worker served the repo so short a time ago that it is expected back.

    With ``since``, only what served after that time counts.
    """
    expected = now - settings.WORKER_ABSENCE
    rows = ServedRevision.objects.filter(revision__repo=repo)
    return rows.filter(last_seen_at__gte=max(expected, since or expected)).exists()


def is_held(revision_id: int, now: datetime) -> bool:
    """Tell whether a worker may hold this revision still."""
    rows = ServedRevision.objects.filter(revision_id=revision_id, last_seen_at__gte=now - HELD)
    return rows.exists()
