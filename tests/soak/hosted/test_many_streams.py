"""Many streams in one web process have no gap and no repeat, and none waits for a slow reader.

`make test` follows 60 of them; for more: STREAMS=1000 make soak ARGS=tests/soak/hosted.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from django.conf import settings as site
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal import process_commands
from portal.jobs.models import Job
from portal.jobs.services import finish_job
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import ChoiceEvent, append
from tests.factories.jobs import claim, make_guest, make_hosted, make_job, tiny_model
from tests.hosts.daemons import Daemon
from tests.live import free_port
from tests.soak.hosted.servers import environment_of
from tests.soak.hosted.stream_readers import StreamReader
from tests.waiting import wait_until

STREAMS = int(os.environ.get("STREAMS", 60))
READERS_OF_ONE = 5
SLOW_OF = 20  # one reader of so many
ENTERING = 20  # each has to sign in, by the few connections that a process has to the database
WORDS = 60
WIDTH = 4000  # characters of a word, so that what a slow reader leaves fills all buffers
STEP_SECONDS = 0.02
MOST_SECONDS = 600.0


@contextmanager
def web_process(folder) -> Iterator[str]:
    """Serve streams by one process on the tests' database and Redis, and yield its address."""
    base_url = f"http://127.0.0.1:{(port := free_port())}"
    more = {"WEIGHTGATE_MAX_EVENT_STREAMS": str(3 * STREAMS)}
    environment = {**os.environ, **environment_of(folder, base_url, site.REDIS_URL), **more}
    command = [sys.executable, *process_commands.streams(f"127.0.0.1:{port}", grace_seconds=1)]
    web = Daemon("web", command, folder / "web.txt", environment)
    web.start()
    try:
        wait_until(lambda: answers(base_url), 120, "the web process")
        yield base_url
    finally:
        web.kill()


def answers(base_url: str) -> bool:
    try:
        return httpx2.get(f"{base_url}/healthz").status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


def words() -> Iterator[ChoiceEvent]:
    """Yield the words of a job, each beginning where the one before ended."""
    offset = 0
    for number in range(WORDS):
        text = f" number{number}-{'x' * WIDTH}"
        finish_reason = "length" if number == WORDS - 1 else None
        yield ChoiceEvent(0, number, offset, [7], text, finish_reason=finish_reason)
        offset += len(text)


def write(jobs: list[Job]) -> None:
    """Write the words of all jobs as a worker does, and end the jobs."""
    for event in words():
        append((job.pk, event) for job in jobs)
        time.sleep(STEP_SECONDS)  # the pace of an engine, which this plays
    result = JobResult(events=list(words()), completion_tokens=WORDS)
    for job in jobs:
        finish_job(job_id=job.pk, attempt=job.attempt, result=result, now=timezone.now())
    connection.close()


def make_readers(base_url: str, jobs: list[Job], cookie: str) -> list[StreamReader]:
    """Make readers of the jobs, most of whom are cut off once, and some of whom are slow."""
    chance = random.Random(1000)
    door = asyncio.Semaphore(ENTERING)
    slow = set(chance.sample(range(STREAMS), max(1, STREAMS // SLOW_OF)))
    return [
        StreamReader(
            base_url,
            f"/playground/{jobs[at % len(jobs)].pk}/events",
            cookie,
            cut_after=chance.randint(1, WORDS),
            door=door,
            is_slow=at in slow,
        )
        for at in range(STREAMS)
    ]


async def follow_all(readers: list[StreamReader], writer: threading.Thread) -> tuple[float, float]:
    """Return the seconds from the jobs' end until the fast, and then the slow, have all."""
    slow = [asyncio.create_task(reader.follow()) for reader in readers if reader.is_slow]
    fast = [asyncio.create_task(reader.follow()) for reader in readers if not reader.is_slow]
    for reader in readers:
        await asyncio.wait_for(reader.entered.wait(), MOST_SECONDS)
    writer.start()
    await asyncio.to_thread(writer.join)
    ended = time.monotonic()
    await asyncio.wait_for(asyncio.gather(*fast), MOST_SECONDS)
    fast_seconds = time.monotonic() - ended
    for reader in readers:
        reader.may_read.set()
    await asyncio.wait_for(asyncio.gather(*slow), MOST_SECONDS)
    return fast_seconds, time.monotonic() - ended


@pytest.mark.clients
@pytest.mark.timeout(2 * MOST_SECONDS)
def test_none_has_a_gap_or_a_repeat_and_none_waits_for_a_slow_one(
    transactional_db, tmp_path, settings, capsys
):
    settings.MAX_OPEN_JOBS, settings.DAILY_TOKENS = STREAMS, 1_000_000_000
    repo = make_hosted(tiny_model(tmp_path / "model"))
    guest, client = make_guest(repo), Client()
    client.force_login(guest)
    count = max(1, STREAMS // READERS_OF_ONE)
    for _ in range(count):
        make_job(repo, guest, now=timezone.now(), stream=True, max_tokens=WORDS)
    jobs = [claim(repo, now=timezone.now()) for _ in range(count)]
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    with web_process(tmp_path) as base_url:
        readers = make_readers(base_url, jobs, cookie)
        seconds = asyncio.run(follow_all(readers, threading.Thread(target=write, args=(jobs,))))
    with capsys.disabled():
        fast, slow = (f"{one:.1f} s" for one in seconds)
        print(f"\n{STREAMS} streams were whole {fast} after the jobs’ end, the slow ones {slow}")
    assert [reader.refusals for reader in readers if reader.refusals] == []
    assert [reader.numbers for reader in readers if reader.numbers != list(range(WORDS))] == []
