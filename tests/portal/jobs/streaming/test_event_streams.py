"""Streams cost bounded work, off the event loop, few connections, and few per person."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from itertools import count

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.utils import timezone

from inference.tokenizer import Tokenizer
from portal.jobs.errors import TooManyStreams
from portal.jobs.hosting import hosted_model
from portal.jobs.openai import completions
from portal.jobs.playground import presentation
from portal.jobs.services import finish_job
from portal.jobs.services.running import JobResult
from portal.jobs.streaming import event_log, log_reader
from portal.jobs.streaming.event_log import START, ChoiceEvent, append
from portal.jobs.streaming.feeds import Feed
from portal.jobs.streaming.following import follow
from portal.jobs.streaming.log_reader import CLIENT_NAME
from portal.jobs.streaming.slots import LEASE, StreamSlot, take_slot
from portal.jobs.streaming.threads import THREAD_NAME
from portal.redis_client import redis_client
from tests.factories.accounts import make_token
from tests.factories.jobs import claim, make_guest, make_hosted, make_job
from tests.waiting import wait_until

LONG = 400


@pytest.fixture
def repo(model, transactional_db):
    return make_hosted(model)


@pytest.fixture
def job(repo):
    guest = make_guest(repo)
    make_job(repo, guest, now=timezone.now(), stream=True, logprobs=0)
    job = claim(repo, now=timezone.now())
    job.person = guest
    return job


def whole(job, tokens=LONG):
    """Return one event of many tokens, as the row of an ended job has it."""
    ids = [7 + number % 40 for number in range(tokens)]
    text = hosted_model(job.revision).decode(ids)
    logprobs = [[[token, -1.0, "word"]] for token in ids]
    return ChoiceEvent(0, tokens=ids, text=text, logprobs=logprobs, finish_reason="length")


def end(job, event):
    result = JobResult(events=[event])
    finish_job(job_id=job.pk, attempt=job.attempt, result=result, now=timezone.now())


# --- what an event costs


@pytest.fixture
def decoded(monkeypatch):
    """Count the tokens that are decoded."""
    steps = count()
    token_bytes = Tokenizer.token_bytes

    def counted(tokenizer, token):
        next(steps)
        return token_bytes(tokenizer, token)

    monkeypatch.setattr(Tokenizer, "token_bytes", counted)
    return lambda: next(steps)


def test_an_event_is_decoded_in_one_pass(job, decoded):
    event = whole(job)
    before = decoded()
    words = presentation.words([event], hosted_model(job.revision))
    assert len(words) == LONG
    assert "".join(word.lead + word.text for word in words) == event.text
    assert decoded() - before <= 2 * LONG


def test_a_character_of_several_tokens_goes_to_the_one_that_completes_it(job):
    model = hosted_model(job.revision)
    ids = model.encode("é")[1:]
    assert len(ids) == 2, "the tiny tokenizer knows bytes alone for it"
    event = ChoiceEvent(0, tokens=[*ids, 7], text=model.decode([*ids, 7]))
    first, second, _ = presentation.words([event], model)
    assert (first.text, second.text) == ("", "é")


async def test_a_page_of_an_ended_job_decodes_each_token_once(async_client, job, decoded):
    await asyncio.to_thread(lambda: end(job, whole(job)))
    await async_client.aforce_login(job.person)
    before = decoded()
    page = await async_client.get(f"/playground/{job.pk}?part=1")
    assert page.content.decode().count('class="tok"') > LONG / 2
    assert decoded() - before <= 2 * LONG + len(job.prompts[0])


# --- where it is done


@pytest.fixture
def threads(monkeypatch):
    """Return the names of the threads that decoded, rendered and encoded."""
    names = set()

    def noting(function):
        def noted(*args, **kwargs):
            names.add(threading.current_thread().name)
            return function(*args, **kwargs)

        return noted

    for owner, name in (
        (presentation, "render_to_string"),
        (presentation, "_word"),
        (completions.Choice, "render"),
        (ChoiceEvent, "__init__"),
    ):
        monkeypatch.setattr(owner, name, noting(getattr(owner, name)))
    return names


async def told(response):
    return b"".join([part async for part in response.streaming_content]).decode()


async def test_no_page_stream_works_on_the_loops_thread(async_client, job, threads):
    append([(job.pk, ChoiceEvent(0, 0, 0, [7], "a", [[[7, -1.0, "a"]]]))])
    await asyncio.to_thread(lambda: end(job, whole(job)))
    await async_client.aforce_login(job.person)
    threads.clear()
    page = await told(await async_client.get(f"/playground/{job.pk}/events"))
    assert page.count("event: words") == 2
    assert threads
    assert all(name.startswith(THREAD_NAME) for name in threads)


@pytest.mark.parametrize("stream", [False, True])
async def test_no_completion_is_told_on_the_loops_thread(async_client, repo, threads, stream):
    guest = await asyncio.to_thread(make_guest, repo)
    _, secret = await asyncio.to_thread(make_token, guest)
    body = {"model": repo.full_name, "prompt": "The", "stream": stream}
    headers = {"Authorization": f"Bearer {secret}"}
    asking = asyncio.create_task(
        async_client.post("/v1/completions", body, "application/json", headers=headers)
    )
    claimed = await asyncio.to_thread(wait_until, lambda: claim(repo, now=timezone.now()), 20, "it")
    event = await asyncio.to_thread(whole, claimed, 20)
    threads.clear()
    await asyncio.to_thread(end, claimed, event)
    response = await asking
    body = await told(response) if stream else response.content.decode()
    assert '"finish_reason":"length"' in body
    assert threads
    assert all(name.startswith(THREAD_NAME) for name in threads)


# --- what it holds


@pytest.fixture
def stream_connections():
    """Return how to list the connections that were opened since.

    The server may not have noticed yet that those of earlier tests are closed.
    """

    def present():
        clients = redis_client().client_list()
        return {client["id"] for client in clients if client["name"] == CLIENT_NAME}

    before = present()
    return lambda: present() - before


async def test_all_readers_share_one_connection(job, stream_connections):
    readers = [follow(job.pk, lambda item: "heard") for _ in range(20)]
    hearing = [asyncio.create_task(anext(reader)) for reader in readers]
    append([(job.pk, ChoiceEvent(0, 0, 0, [7], "a"))])
    assert await asyncio.gather(*hearing) == ["heard"] * 20
    await asyncio.to_thread(wait_until, lambda: len(stream_connections()) == 1, 5, "one connection")
    for reader in readers:
        await reader.aclose()


async def test_a_hint_that_is_lost_costs_time_alone(job, monkeypatch):
    reader = follow(job.pk, lambda item: "heard" if item.event else "")
    monkeypatch.setattr(event_log, "NEWS", "elsewhere")
    hearing = asyncio.create_task(anext(reader))
    await asyncio.sleep(0)
    append([(job.pk, ChoiceEvent(0, 0, 0, [7], "a"))])
    assert await asyncio.wait_for(hearing, 10) == "heard"
    await reader.aclose()


async def test_more_entries_than_one_reading_takes_come_in_order(job, monkeypatch):
    monkeypatch.setattr(log_reader, "BATCH_ENTRIES", 2)
    append([(job.pk, ChoiceEvent(0, number, number, [7], str(number))) for number in range(7)])
    reader = follow(job.pk, lambda item: item.event.text if item.event else "")
    text = ""
    while len(text) < 7:
        text += await anext(reader)
    assert text == "0123456"
    await reader.aclose()


async def test_a_reader_that_lags_behind_the_others_misses_nothing(job):
    def text(item):
        return item.event.text if item.event else ""

    append([(job.pk, ChoiceEvent(0, number, number, [7], "x")) for number in range(3)])
    swift, slow = follow(job.pk, text), follow(job.pk, text)
    assert await anext(swift) == "xxx"
    append([(job.pk, ChoiceEvent(0, 3, 3, [7], "y"))])
    assert await anext(swift) == "y"
    assert await anext(slow) == "xxxy"
    await swift.aclose()
    await slow.aclose()


# --- how many one person may have


def test_one_more_stream_than_a_persons_places_is_refused(now, settings):
    for _ in range(settings.MAX_EVENT_STREAMS):
        take_slot(1, now)
    with pytest.raises(TooManyStreams):
        take_slot(1, now)
    take_slot(2, now)


def test_a_place_given_back_is_free_again(now, settings):
    slots = [take_slot(1, now) for _ in range(settings.MAX_EVENT_STREAMS)]
    slots[3].give_back()
    take_slot(1, now)


def test_a_place_whose_process_was_killed_lapses_and_a_renewed_one_stays(now, settings):
    slots = [take_slot(1, now) for _ in range(settings.MAX_EVENT_STREAMS)]
    later = now + LEASE / 2
    for slot in slots[1:]:
        slot.renew(later)
    after = now + LEASE + timedelta(seconds=1)
    take_slot(1, after)
    with pytest.raises(TooManyStreams):
        take_slot(1, after)


async def connected(async_client, job):
    """Connect a browser to the job's events, as the server sees it."""
    cookies = async_client.cookies.output(header="", sep=";").strip()
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/playground/{job.pk}/events",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"cookie", cookies.encode())],
    }
    browser = ApplicationCommunicator(get_asgi_application(), scope)
    await browser.send_input({"type": "http.request", "body": b""})
    assert (await browser.receive_output(20))["status"] == 200
    await browser.receive_output(20)
    return browser


async def test_a_refused_page_says_when_to_try_again(async_client, job, settings):
    settings.MAX_EVENT_STREAMS = 1
    await async_client.aforce_login(job.person)
    browser = await connected(async_client, job)
    refused = await async_client.get(f"/playground/{job.pk}/events")
    assert refused.status_code == 429
    assert refused["Retry-After"] == "5"
    assert "At most 1 of your pages" in refused.content.decode()
    await browser.send_input({"type": "http.disconnect"})
    await browser.wait(20)


async def test_the_connection_is_closed_at_whatever_step_of_connecting_it_is(
    job, stream_connections, monkeypatch
):
    monkeypatch.setattr(log_reader, "LINGER_SECONDS", 0)
    for turns in range(0, 44, 2):
        feed = Feed(job.pk, START)
        for _ in range(turns):
            await asyncio.sleep(0)
        feed.close()
    await asyncio.to_thread(wait_until, lambda: not stream_connections(), 5, "closed connections")


async def test_who_leaves_gives_the_place_back(async_client, job):
    await async_client.aforce_login(job.person)
    browser = await connected(async_client, job)
    assert redis_client().zcard(StreamSlot(job.person_id).key) == 1
    await browser.send_input({"type": "http.disconnect"})
    await browser.wait(20)
    assert redis_client().zcard(StreamSlot(job.person_id).key) == 0
