"""Forget prompts and outputs: their rows stay, with counts, for accounting."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import DurationField, Exists, F, Func, JSONField, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Least

from portal.catalog.models import ModelRepo
from portal.jobs.captures.keeping import forget_captures
from portal.jobs.models import CaptureFile, Job
from portal.jobs.streaming.event_log import delete_logs
from portal.jobs.texts import PURGED_RESULT, WORDS

# The time to read, or fetch again, what a model of no days has written.
TO_BE_FETCHED = timedelta(minutes=10)


def kept_days(repo: ModelRepo) -> int:
    """Return for how many days a model's prompts and outputs are kept now."""
    most: int = settings.PROMPT_DAYS
    return most if repo.prompt_days is None else min(repo.prompt_days, most)


def kept_until(job: Job) -> datetime | None:
    """Return the latest moment at which an ended job's texts are forgotten; None while it runs."""
    if job.ended_at is None:
        return None
    days = kept_days(job.repo)
    days = days if job.text_days is None else min(days, job.text_days)
    return job.ended_at + (timedelta(days=days) if days else TO_BE_FETCHED)


def with_texts() -> QuerySet[Job]:
    """Select the jobs whose prompt, output or words among the parameters are still there."""
    has_words = ~Q(prompts=[]) | Q(params__has_any_keys=list(WORDS))
    has_captures = Exists(
        CaptureFile.objects.filter(job=OuterRef("pk"), is_whole=True, job__batch=None)
    )
    return Job.objects.filter(
        has_words
        | ~Q(result_json__in=["", PURGED_RESULT])
        | Q(white_box__isnull=False)
        | ~Q(chat_json="")
        | has_captures
    )


def forget_old(now: datetime) -> int:
    """Forget the texts of jobs whose days are over. Return how many."""
    most = settings.PROMPT_DAYS
    # The least of three: what held when it was sent, what the lab has set since, the site's most.
    # PostgreSQL's LEAST passes over what is NULL.
    days = Least(F("text_days"), F("repo__prompt_days"), Value(most))
    ended = with_texts().filter(ended_at__lte=now - TO_BE_FETCHED)
    return forget(ended.alias(kept=Days(days)).filter(ended_at__lte=Value(now) - F("kept")))


def forget_fetched(now: datetime) -> int:
    """Forget the texts of jobs that are kept for no day, once there was time to fetch them."""
    kept_for_none = Q(text_days=0) | Q(repo__prompt_days=0)
    if settings.PROMPT_DAYS == 0:
        kept_for_none = Q()
    # Bounded to what ended lately: the rest is forgotten each day with the others.
    lately = Q(ended_at__lte=now - TO_BE_FETCHED, ended_at__gt=now - timedelta(days=1))
    return forget(with_texts().filter(lately, kept_for_none))


def forget_delivered(job: Job) -> None:
    """Forget the texts of a job whose answer was handed over, if it is kept for no day."""
    if job.text_days == 0:
        forget(Job.objects.filter(pk=job.pk, ended_at__isnull=False))


def forget(jobs: QuerySet[Job]) -> int:
    """Blank the texts of ended jobs, here and in their logs for readers. Return how many."""
    ids = list(jobs.values_list("pk", flat=True))
    rows = Job.objects.filter(pk__in=ids)
    rows.exclude(result_json="").update(result_json=PURGED_RESULT)
    count = rows.update(prompts=[], white_box=None, chat_json="", params=_WithoutWords("params"))
    forget_captures(ids)
    delete_logs(ids)
    return count


class Days(Func):
    """An expression for a number of days as an interval."""

    template = "make_interval(days => %(expressions)s)"
    output_field: Any = DurationField()


class _WithoutWords(Func):
    """An expression for a job's parameters without those that may hold what somebody wrote."""

    template = f"(%(expressions)s - ARRAY{list(WORDS)})"
    output_field: Any = JSONField()
