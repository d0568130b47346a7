"""Enforce the retention table once a day, and record the counts."""

from __future__ import annotations

from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from portal.audit.events import EventType
from portal.audit.services import record
from portal.site.operations.retention import TABLE


def enforce_retention(now: datetime) -> dict[str, int]:
    """Enforce each rule in its own transaction. Return the counts of those that erased any rows."""
    counts = {rule.slug: forget(slug=rule.slug, now=now) for rule in TABLE if rule.enforce}
    return {slug: count for slug, count in counts.items() if count}


@transaction.atomic
def forget(*, slug: str, now: datetime) -> int:
    """Enforce one rule and record how many rows it erased. A second call finds nothing."""
    rule = next(rule for rule in TABLE if rule.slug == slug)
    count = rule.enforce(now) if rule.enforce else 0
    if count and rule.slug != "sessions":  # thousands expire, and the record would only grow
        target = ContentType.objects.get_for_model(rule.model)
        record(
            EventType.RETENTION_ENFORCED, actor=None, target=target, at=now, row=slug, count=count
        )
    return count
