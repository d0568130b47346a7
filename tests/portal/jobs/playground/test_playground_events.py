"""The playground's server-sent events."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.utils import timezone

from portal.jobs.services import finish_job
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import ChoiceEvent, append, so_far
from tests.factories.jobs import claim, make_guest, make_hosted, make_job

WORDS = [" one", " two"]
WHOLE = ChoiceEvent(
    0,
    tokens=[7, 8],
    text="".join(WORDS),
    logprobs=[[[7, -1.0, " one"]], [[8, -4.0, " two"]]],
    finish_reason="length",
)


@pytest.fixture
def job(model, transactional_db):
    hosted = make_hosted(model)
    made = make_job(hosted, make_guest(hosted), now=timezone.now(), stream=True)
    claim(hosted, now=timezone.now())
    append([(made.pk, ChoiceEvent(0, 0, 0, [7], " one", [[[7, -1.0, " one"]]]))])
    return made


async def listen(async_client, job, **headers):
    """All events up to the end, as (id, name, data)."""
    await async_client.aforce_login(job.person)
    response = await async_client.get(f"/playground/{job.pk}/events", headers=headers)
    assert response["Content-Type"].startswith("text/event-stream")
    assert response["X-Accel-Buffering"] == "no"
    blocks = "".join([part.decode() async for part in response.streaming_content]).split("\n\n")
    named = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks if block]
    return [(e["id"], e["event"], json.loads(e["data"])) for e in named if "id" in e]


async def test_words_come_as_the_pages_own_markup_then_the_end(async_client, job):
    finish = asyncio.to_thread(
        finish_job,
        job_id=job.pk,
        attempt=1,
        result=JobResult(events=[WHOLE]),
        now=timezone.now(),
    )
    heard, _ = await asyncio.gather(listen(async_client, job), finish)
    [first, second, end] = heard
    assert 'data-lp="1">one<' in first[2]
    assert 'data-lp="4">two<' in second[2]
    assert end[1:] == ("ended", "succeeded")


async def test_a_browser_that_was_cut_off_goes_on_after_its_last_event(async_client, job):
    _, position = await asyncio.to_thread(so_far, job)
    await asyncio.to_thread(
        finish_job,
        job_id=job.pk,
        attempt=1,
        result=JobResult(events=[WHOLE]),
        now=timezone.now(),
    )
    heard = await listen(async_client, job, **{"Last-Event-ID": str(position)})
    assert ["one" in str(data) for _, _, data in heard] == [False, False]
    assert "two" in heard[0][2]


async def test_an_id_of_nowhere_starts_from_the_beginning(async_client, job):
    await asyncio.to_thread(
        finish_job,
        job_id=job.pk,
        attempt=1,
        result=JobResult(events=[WHOLE]),
        now=timezone.now(),
    )
    heard = await listen(async_client, job, **{"Last-Event-ID": "x'; --"})
    assert "one" in heard[0][2]
