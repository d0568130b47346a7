"""Count how often each model was fetched of late; the figure is kept for some minutes."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import CharField, Count, DateField, Value
from django.db.models.functions import Cast, Coalesce, Concat, TruncDate
from redis.exceptions import RedisError

from portal.catalog.models.revisions import OPEN_PATHS
from portal.delivery.models import Download
from portal.delivery.pictures import TYPES

COUNTED = timedelta(days=30)
KEPT_SECONDS = 300
PICTURES = rf"({'|'.join(re.escape(suffix) for suffix in TYPES)})$"
KEY = "recent-downloads"
logger = logging.getLogger(__name__)


def recent_downloads(now: datetime) -> dict[int, int]:
    """Return, by repo, on how many days how many people fetched it within the last month.

    A person who fetches fifty files in one day counts once; whoever is nameless counts once by
    address. What stands before every gate is no download of the model, nor is a picture of its
    card. The figures may be some minutes old, since counting reads a month of rows.
    """
    try:
        if (counts := cache.get(KEY)) is not None:
            return dict(counts)
    except RedisError as error:
        logger.warning("The counts of downloads aren’t kept, as Redis is away: %s", error)
        return _counted(now)
    counts = _counted(now)
    cache.set(KEY, counts, timeout=KEPT_SECONDS)
    return counts


def _counted(now: datetime) -> dict[int, int]:
    fetched = Download.objects.filter(started_at__gte=now - COUNTED, started_at__lte=now)
    # A range from elsewhere goes on with a download that is counted already.
    fetched = fetched.filter(range_start=0).exclude(file__path__in=OPEN_PATHS)
    fetched = fetched.exclude(file__path__iregex=PICTURES)
    who = Coalesce(Cast("person", CharField()), Cast("ip", CharField()), Value(""))
    day = Cast(TruncDate("started_at", output_field=DateField()), CharField())
    rows = (
        fetched.order_by()
        .values("revision__repo")
        .annotate(
            visits=Count(Concat(day, Value(" "), who, output_field=CharField()), distinct=True)
        )
    )
    return {row["revision__repo"]: row["visits"] for row in rows}
