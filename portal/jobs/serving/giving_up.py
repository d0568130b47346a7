"""End jobs that wait for a model which no worker has been able to load for a while."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.conf import settings

from portal.catalog.models import ModelRepo
from portal.formatting import duration_words
from portal.jobs.hosting import standing_failure
from portal.jobs.models import Job
from portal.jobs.services.one_by_one import act_on_each
from portal.jobs.services.running import close
from portal.jobs.serving.failing import LoadFailure


def give_up_jobs(now: datetime) -> int:
    """End what waits in vain, and return how many jobs that were.

    They wait as long as for a worker that is away, since a failure may be mended by a restart.
    Lines of a batch wait on: their batch has a time limit of its own.
    """
    waiting = Job.objects.filter(state=Job.State.QUEUED, batch=None).order_by()
    count = 0
    for repo in ModelRepo.objects.with_names().filter(pk__in=waiting.values("repo")):
        failure = standing_failure(repo, now)
        if failure is not None and failure.since <= now - settings.WORKER_ABSENCE:
            jobs = waiting.filter(repo=repo)
            count += len(act_on_each(jobs, partial(_give_up, failure=failure, now=now)))
    return count


def _give_up(job: Job, *, failure: LoadFailure, now: datetime) -> bool:
    words = (
        f"No worker has been able to load the model for {duration_words(now - failure.since)}: "
        f"{failure.reason}. Send the request again once the model is served."
    )
    close(job, Job.State.FAILED, words, now)
    return True
