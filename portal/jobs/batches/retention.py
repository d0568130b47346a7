"""Delete files, and forget what batches hold of what people wrote, once their days are over."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Value
from django.db.models.functions import Greatest, Least

from portal.formatting import counted
from portal.jobs.batches.models import OPEN_BATCHES, Batch, BatchLine, StoredFile
from portal.jobs.services.forgetting import Days
from portal.jobs.texts import FORGOTTEN


def file_days() -> int:
    """Return for how many days files are kept, unless a model's lab has its prompts kept shorter.

    A day at least: where prompts are kept for none, a batch's answers must be fetched somehow.
    """
    return max(settings.PROMPT_DAYS, 1)


def kept_until(file: StoredFile) -> datetime:
    """Return when a file's days are over: the site's, or its model's."""
    days = file_days() if file.text_days is None else min(file.text_days, file_days())
    return file.created_at + timedelta(days=max(days, 1))


def files_kept() -> str:
    """Say to a program for how long files are kept."""
    return f"Files are kept for {counted(file_days(), 'day')}, or until you delete them."


def forget_files(now: datetime) -> int:
    """Delete files whose days are over: the site's, or their model's. Return how many."""
    # PostgreSQL's LEAST passes over what is NULL.
    days = Greatest(Least(F("text_days"), Value(file_days())), Value(1))
    old = StoredFile.objects.alias(kept=Days(days)).filter(created_at__lte=Value(now) - F("kept"))
    _, by_model = StoredFile.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    return by_model.get(StoredFile._meta.label, 0)


def forget_batches(now: datetime) -> int:
    """Delete the lines of batches that have ended, and blank what their rows quote."""
    until = now - timedelta(days=file_days())
    ended = Batch.objects.exclude(state__in=OPEN_BATCHES).filter(created_at__lte=until)
    count, _ = BatchLine.objects.filter(batch__in=ended.order_by().values("pk")).delete()
    count += ended.exclude(metadata={}).update(metadata={})
    faulty = ended.exclude(errors=[]).exclude(errors=FORGOTTEN)
    return count + faulty.update(errors=FORGOTTEN)
