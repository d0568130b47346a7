"""Count anonymous reads of open files by model and day, as one event of the record.

A link that anybody may have is no event of its own: who wanted to could fill the record with them.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.delivery.models import Download

ONE_DAY = timedelta(days=1)


@transaction.atomic
def record_anonymous_reads(now: datetime) -> int:
    """Record yesterday's (UTC) anonymous downloads, one event a model; return how many events.

    Calling it again for the same day records nothing.
    """
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    begin = midnight - ONE_DAY
    day = begin.date().isoformat()
    rows = Download.objects.filter(person=None, started_at__gte=begin, started_at__lt=midnight)
    counted = (
        rows.values("revision__repo")
        .order_by("revision__repo")
        .annotate(downloads=Count("pk"), bytes=Sum(Coalesce("bytes_sent", "length_bytes")))
    )
    recorded = AuditEvent.objects.filter(type=EventType.READS_COUNTED, data__day=day)
    done = set(recorded.values_list("target_id", flat=True))
    due = {row["revision__repo"]: row for row in counted if str(row["revision__repo"]) not in done}
    for repo in ModelRepo.objects.filter(pk__in=due).order_by("pk"):
        figures = {name: due[repo.pk][name] for name in ("downloads", "bytes")}
        record(EventType.READS_COUNTED, actor=None, target=repo, at=now, day=day, **figures)
    return len(due)
