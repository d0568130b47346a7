"""The daily digest of whoever works a gate and has news to read."""

from __future__ import annotations

from datetime import datetime

from django.db.models import OuterRef, QuerySet

from portal.access.letters.team.digest import digest_key, digest_time, send_digest
from portal.access.models import DigestItem
from portal.access.reminders.timer import Timer, is_written, locking
from portal.accounts.models import User


def digests_due(now: datetime) -> QuerySet[User]:
    """Select the people with news from before the last digest, who weren't sent that one."""
    written_at = digest_time(now)
    news = DigestItem.objects.filter(happened_at__lte=written_at)
    readers = User.objects.filter(is_active=True, pk__in=news.values("reader"))
    return readers.filter(~is_written(f"{digest_key(written_at)}-to-", OuterRef("pk")))


def write_digest(reader: User, now: datetime) -> bool:
    return send_digest(reader, now=now)


TIMERS = (Timer("digest", digests_due, write_digest, locking(), batches=4),)
