"""What one person may fetch: so many bytes in a day (UTC), and so many streams at once.

Whoever fetches namelessly, from an open gate, has no budget. What stands before every gate costs
nothing.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import Coalesce
from redis import RedisError

from portal.catalog.models import File
from portal.delivery.accounting.counters import redis
from portal.delivery.errors import DownloadQuotaExceeded, TooManyDownloads
from portal.delivery.models import Download
from portal.formatting import seconds_to_midnight, start_of_day

GIGABYTE = 10**9
STALE_SECONDS = 60
"""A stream that moved nothing for so long is counted no more: its client or its server is gone."""
REFRESH_SECONDS = 15
logger = logging.getLogger(__name__)


def bytes_today(person_id: int, now: datetime) -> int:
    """What was sent; of what still runs, or a bucket sends, all that was asked for."""
    today = Download.objects.filter(person=person_id, started_at__gte=start_of_day(now))
    counted = today.aggregate(bytes=Sum(Coalesce("bytes_sent", "length_bytes")))
    return int(counted["bytes"] or 0)


def require_within_quota(person_id: int | None, file: File, now: datetime) -> None:
    """Raises DownloadQuotaExceeded once a day's bytes are gone. What runs then may end."""
    limit = settings.DAILY_DOWNLOAD_GB * GIGABYTE
    if not limit or person_id is None or file.is_open:
        return
    if bytes_today(person_id, now) >= limit:
        raise DownloadQuotaExceeded(
            settings.DAILY_DOWNLOAD_GB, retry_after_seconds=seconds_to_midnight(now)
        )


class OpenDownload:
    """One of a person's streams, counted while bytes move. The counts may be lost."""

    def __init__(self, person_id: int) -> None:
        self.key = f"weightgate:downloads:{person_id}"
        self.name = uuid4().hex
        self.seen_at = time.monotonic()

    def touch(self) -> None:
        """Called for each chunk; tells Redis now and then."""
        if time.monotonic() - self.seen_at < REFRESH_SECONDS:
            return
        self.seen_at = time.monotonic()
        try:
            redis().zadd(self.key, {self.name: time.time()})
        except RedisError:
            logger.warning("A stream’s progress can’t be counted")

    def leave(self) -> None:
        try:
            redis().zrem(self.key, self.name)
        except RedisError:
            logger.warning("A stream’s end can’t be counted; it is forgotten by itself")


def begin_download(person_id: int | None) -> OpenDownload | None:
    """Raises TooManyDownloads. None where nobody counts: no name, no limit, or no Redis."""
    limit = settings.MAX_DOWNLOADS
    if not limit or person_id is None:
        return None
    stream, now = OpenDownload(person_id), time.time()
    try:
        with redis().pipeline() as pipe:
            pipe.zremrangebyscore(stream.key, 0, now - STALE_SECONDS)
            pipe.zadd(stream.key, {stream.name: now})
            pipe.zcard(stream.key)
            pipe.expire(stream.key, 2 * STALE_SECONDS)
            counted = pipe.execute()[2]
    except RedisError:
        logger.warning("Streams can’t be counted, so none is refused")
        return None
    if counted > limit:
        stream.leave()
        raise TooManyDownloads(limit)
    return stream
