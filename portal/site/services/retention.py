"""Once a day: what has had its time is forgotten, and how much of it is on the record."""

from __future__ import annotations

from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from portal.audit.events import EventType
from portal.audit.services import record
from portal.site.operations.retention import TABLE


def enforce_retention(now: datetime) -> dict[str, int]:
    """Each row of the table in its own transaction; how many rows each forgot."""
    done = {row.slug: forget(slug=row.slug, now=now) for row in TABLE if row.enforce}
    return {slug: count for slug, count in done.items() if count}


@transaction.atomic
def forget(*, slug: str, now: datetime) -> int:
    """Enforce one row. What is recorded are counts; a second call finds nothing."""
    row = next(each for each in TABLE if each.slug == slug)
    count = row.enforce(now) if row.enforce else 0
    if count and row.slug != "sessions":  # those expire by the thousand, and tell of nothing
        target = ContentType.objects.get_for_model(row.model)
        record(
            EventType.RETENTION_ENFORCED, actor=None, target=target, at=now, row=slug, count=count
        )
    return count
