from __future__ import annotations

import pytest

from portal.jobs.batches.advancing import advance_batch
from portal.jobs.models import Batch
from portal.jobs.services import fail_job, finish_job
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import ChoiceEvent
from tests.factories.batches import make_batch, request_line
from tests.factories.jobs import claim, make_guest

RESULT = JobResult(
    events=[ChoiceEvent(0, tokens=[7, 8], text="ab\0", finish_reason="length")],
    completion_tokens=2,
    engine_seconds=36.0,
)


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def submit(hosted, guest, now):
    """Submit a batch of so many lines, and have it read."""

    def send(count=3, **more):
        lines = [request_line(hosted, f"id-{number}") for number in range(count)]
        batch = make_batch(guest, lines, now=now, **more)
        advance_batch(batch.pk, now)
        return Batch.objects.get(pk=batch.pk)

    return send


@pytest.fixture
def answer(hosted, now):
    """Do a worker's part: claim the next job and end it."""

    def run(error="", at=now):
        """Return the ended job, or None; lines of one time come in any order."""
        job = claim(hosted, now=at)
        if job is None:
            return None
        ends = {"job_id": job.pk, "attempt": job.attempt, "result": RESULT, "now": at}
        return fail_job(**ends, error=error) if error else finish_job(**ends)

    return run
