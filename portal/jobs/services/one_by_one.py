"""Act on many jobs, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import QuerySet

from portal.jobs.models import Job
from portal.observability.request_ids import bound_to


def act_on_each(jobs: QuerySet[Job], act: Callable[[Job], bool]) -> list[bool]:
    """Act on each job in a transaction of its own, so that one that fails holds up no other."""
    outcomes = []
    for job_id in list(jobs.values_list("pk", flat=True)):
        with transaction.atomic():
            # A locked row is one that its worker is just committing; the next sweep looks again.
            job = jobs.select_for_update(skip_locked=True, no_key=True).filter(pk=job_id).first()
            if job is not None:
                with bound_to(job.http_request_id):
                    outcomes.append(act(job))
    return outcomes
