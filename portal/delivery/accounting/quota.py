"""Hold a person's downloads to their quota of bytes a day (UTC), and to so many at once.

Anonymous downloads, through an open gate, have no quota. Files that are open to everybody, such as
a card, cost nothing.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db.models import Sum
from django.db.models.functions import Coalesce
from redis import RedisError

from portal.catalog.models import File
from portal.delivery.errors import DownloadQuotaExceeded, TooManyDownloads
from portal.delivery.models import Download
from portal.formatting import seconds_to_midnight, start_of_day
from portal.redis_client import redis_client

GIGABYTE = 10**9
STALE_SECONDS = 60
"""A download that moved nothing for so long isn't counted: its client or its server is gone."""
REFRESH_SECONDS = 15
logger = logging.getLogger(__name__)


def bytes_today(person_id: int, now: datetime) -> int:
    """Add up what the person has fetched since midnight.

    A download that still runs, or that a bucket sends, counts with all that was asked for.
    """
    today = Download.objects.filter(person=person_id, started_at__gte=start_of_day(now))
    total = today.aggregate(bytes=Sum(Coalesce("bytes_sent", "length_bytes")))
    return int(total["bytes"] or 0)


@dataclass(frozen=True)
class DownloadsToday:
    """The bytes that a person has fetched since midnight; ``limit``: None for no quota."""

    used: int
    limit: int | None

    @property
    def left(self) -> int:
        """Return the bytes that the quota leaves; 0 where there is none."""
        return max((self.limit or 0) - self.used, 0)


def downloads_today(person_id: int, now: datetime) -> DownloadsToday:
    """Return what a person has used of the day's bytes."""
    limit = settings.DAILY_DOWNLOAD_GB * GIGABYTE
    return DownloadsToday(bytes_today(person_id, now), limit or None)


def require_within_quota(person_id: int | None, file: File, now: datetime) -> None:
    """Refuse a new download once the day's bytes are gone; those under way may end.

    Raises DownloadQuotaExceeded.
    """
    if not settings.DAILY_DOWNLOAD_GB or person_id is None or file.is_open:
        return
    if not downloads_today(person_id, now).left:
        raise DownloadQuotaExceeded(
            settings.DAILY_DOWNLOAD_GB, retry_after_seconds=seconds_to_midnight(now)
        )


class OpenDownload:
    """One of a person's downloads under way, counted while bytes move. The count may be lost."""

    def __init__(self, person_id: int) -> None:
        self.key = f"weightgate:downloads:{person_id}"
        self.name = uuid4().hex
        self.seen_at = time.monotonic()

    def touch(self) -> None:
        """Note that bytes move. Called for each chunk, it tells Redis only now and then."""
        if time.monotonic() - self.seen_at < REFRESH_SECONDS:
            return
        self.seen_at = time.monotonic()
        try:
            redis_client().zadd(self.key, {self.name: time.time()})
        except RedisError:
            logger.warning("A download’s progress can’t be counted")

    def leave(self) -> None:
        try:
            redis_client().zrem(self.key, self.name)
        except RedisError:
            logger.warning("A download’s end can’t be counted; it lapses by itself")


def begin_download(person_id: int | None) -> OpenDownload | None:
    """Count one more download of a person's. Raises TooManyDownloads.

    Return None where nothing is counted: for nobody known, without a limit, or without Redis.
    """
    limit = settings.MAX_DOWNLOADS
    if not limit or person_id is None:
        return None
    download, now = OpenDownload(person_id), time.time()
    try:
        with redis_client().pipeline() as pipe:
            # Added before it is counted: of two at once, each sees the other.
            pipe.zremrangebyscore(download.key, 0, now - STALE_SECONDS)
            pipe.zadd(download.key, {download.name: now})
            pipe.zcard(download.key)
            pipe.expire(download.key, 2 * STALE_SECONDS)
            count = pipe.execute()[2]
    except RedisError:
        logger.warning("Downloads can’t be counted, so none is refused")
        return None
    if count > limit:
        download.leave()
        raise TooManyDownloads(limit)
    return download
