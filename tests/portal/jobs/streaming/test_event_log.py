from __future__ import annotations

import asyncio
import dataclasses
from uuid import uuid4

import pytest
import redis.asyncio

from portal.jobs.models import Job
from portal.jobs.services import finish_job, sweep
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import (
    BEGINNING,
    ChoiceEvent,
    JobEnd,
    ReplayCursor,
    StreamPosition,
    announce_end,
    append,
    so_far,
)
from portal.jobs.streaming.following import follow
from portal.redis_client import redis_client
from tests.factories.jobs import claim, make_hosted, make_job

WORDS = ["The", " sluice", " opens", " when"]


def token(position: int, *, choice: int = 0, last: bool = False) -> ChoiceEvent:
    return ChoiceEvent(
        choice,
        position=position,
        offset=sum(map(len, WORDS[:position])),
        tokens=[position + 10],
        text=WORDS[position],
        logprobs=[[[position + 10, -1.0, WORDS[position]]]],
        finish_reason="length" if last else None,
    )


WHOLE = ChoiceEvent(
    0,
    tokens=[10, 11, 12, 13],
    text="".join(WORDS),
    logprobs=[[[n + 10, -1.0, word]] for n, word in enumerate(WORDS)],
    finish_reason="length",
)


def text_of(events):
    return "".join(event.text for event in events if event)


def test_a_second_attempt_repeats_nothing_to_the_reader():
    progress = ReplayCursor()
    first = [progress.news(token(n)) for n in range(3)]
    again = [progress.news(token(n, last=n == 3)) for n in range(4)]
    assert again[:3] == [None, None, None]
    assert text_of([*first, *again]) == "".join(WORDS)


def test_the_rows_result_fills_only_what_is_missing():
    progress = ReplayCursor()
    progress.news(token(0))
    rest = progress.news(WHOLE)
    assert (rest.tokens, rest.text, len(rest.logprobs)) == ([11, 12, 13], " sluice opens when", 3)
    assert progress.news(WHOLE) is None


def test_what_lies_behind_a_gap_waits_for_the_row():
    progress = ReplayCursor()
    assert progress.news(token(1)) is None
    assert progress.news(WHOLE).text == "".join(WORDS)


def test_choices_are_told_apart():
    progress = ReplayCursor()
    assert progress.news(token(0, choice=0))
    assert progress.news(token(0, choice=1))


def test_an_end_without_tokens_is_told_once():
    progress = ReplayCursor()
    end = ChoiceEvent(0, finish_reason="length")
    assert progress.news(end) == end
    assert progress.news(end) is None


@pytest.fixture
def running(model, transactional_db, now):
    hosted = make_hosted(model)
    make_job(hosted, now=now, stream=True)
    return claim(hosted, now=now)


def end(job, now, event=WHOLE):
    finish_job(job_id=job.pk, attempt=job.attempt, result=JobResult(events=[event]), now=now)


async def read(job, after=BEGINNING):
    items = []

    def note(item):
        items.append(item)
        return "told"

    async for _ in follow(job.pk, note, after):
        pass
    return [item for item in items if item.event or item.ended]


async def test_a_reader_gets_each_token_then_the_end(running, now):
    append((running.pk, token(n, last=n == 3)) for n in range(4))
    await asyncio.to_thread(end, running, now)
    items = await read(running)
    assert [item.event.text for item in items[:-1]] == WORDS
    assert items[-1].ended == JobEnd("succeeded")


async def test_a_reader_that_comes_early_waits(running, now):
    reading = asyncio.create_task(read(running))
    append([(running.pk, token(0))])
    await asyncio.to_thread(end, running, now)
    items = await asyncio.wait_for(reading, 20)
    assert text_of(item.event for item in items) == "".join(WORDS)


async def test_a_reader_that_was_cut_off_goes_on_where_it_was(running, now):
    append((running.pk, token(n)) for n in range(2))
    seen, position = await asyncio.to_thread(so_far, running)
    assert text_of(seen) == "The sluice"
    await asyncio.to_thread(end, running, now)
    items = await read(running, position)
    assert text_of(item.event for item in items) == " opens when"


@pytest.mark.parametrize("lost", [False, True], ids=["log-there", "log-lost"])
async def test_a_reader_that_was_cut_off_anywhere_has_each_token_once(running, now, lost):
    """Also among what came from the row, since the log was lost or the reader was behind it."""
    append((running.pk, token(n)) for n in range(2))
    result = JobResult(events=[token(n, last=n == 3) for n in range(4)])
    await asyncio.to_thread(
        finish_job, job_id=running.pk, attempt=running.attempt, result=result, now=now
    )
    if lost:
        redis_client().flushdb()
    items = await read(running)
    assert [item.event.text for item in items[:-1]] == WORDS
    for had, item in enumerate(items, start=1):
        position = StreamPosition.read(str(item.position))
        rest = await read(running, position)
        assert text_of(item.event for item in rest) == "".join(WORDS[had:])
        assert rest[-1].ended == JobEnd("succeeded")


async def test_a_lost_stream_falls_back_to_the_row(running, now):
    append([(running.pk, token(0))])
    await asyncio.to_thread(end, running, now)
    redis_client().flushdb()
    items = await read(running)
    assert text_of(item.event for item in items) == "".join(WORDS)
    assert items[-1].ended == JobEnd("succeeded")


async def test_a_stream_lost_midway_repeats_nothing(running, now):
    pieces = follow(running.pk, lambda item: item.event.text if item.event else "")
    append([(running.pk, token(0))])
    heard = [await anext(pieces)]
    redis_client().flushdb()
    append([(running.pk, token(2))])
    await asyncio.to_thread(end, running, now)
    heard += [piece async for piece in pieces]
    assert "".join(heard) == "".join(WORDS)


async def test_a_connection_that_closes_as_it_is_made_ends_no_stream(running, now, monkeypatch):
    subscription = redis.asyncio.client.PubSub
    subscribe, failures = subscription.subscribe, iter([RuntimeError("the handler is closed")])

    async def fail_once(*args):
        for failure in failures:
            raise failure
        return await subscribe(*args)

    monkeypatch.setattr(subscription, "subscribe", fail_once)
    append([(running.pk, token(0))])
    pieces = follow(running.pk, lambda item: item.event.text if item.event else "")
    assert await anext(pieces) == WORDS[0]
    append([(running.pk, token(1))])
    assert await anext(pieces) == WORDS[1]
    await pieces.aclose()


async def test_an_expired_job_ends_its_readers(running, now, settings):
    await asyncio.to_thread(sweep, now=now + settings.JOB_TIME_LIMIT * 2)
    items = await read(running)
    assert items[-1].ended.state == Job.State.EXPIRED


async def test_an_end_that_nobody_announced_is_found_in_the_row(running, now):
    await asyncio.to_thread(end, running, now)
    redis_client().flushdb()
    announce_end(uuid4(), JobEnd("failed"))
    assert (await read(running))[-1].ended == JobEnd("succeeded")


def test_the_log_is_bounded_and_dies_by_itself(running):
    append([(running.pk, token(0))])
    [key] = redis_client().keys("weightgate:job:*")
    assert 0 < redis_client().ttl(key) <= 3600


def test_events_survive_the_way_as_they_are(running):
    odd = dataclasses.replace(token(0), text="a\0\u2028é")
    append([(running.pk, odd)])
    assert so_far(running)[0] == [odd]
