"""Workers die by kill -9 and Redis loses all, while people ask: none is refused, all are answered.

`make test` runs it with 60 requests; by the environment it runs with as many as one has time for:
QUEUE_REQUESTS=10000 make soak ARGS="tests/soak/hosted/test_absent_workers.py".
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.db import connection
from django.db.models import Count, F, Sum
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.jobs.models import Job
from portal.jobs.quota import quota_today
from portal.jobs.services import sweep
from tests.factories.accounts import make_token
from tests.factories.jobs import make_guest, make_hosted, tiny_model
from tests.soak.hosted.askers import Answers, Askers
from tests.soak.hosted.servers import Servers, running
from tests.waiting import wait_until

SWEEP_SECONDS = 0.5


@dataclass(frozen=True)
class Ordeal:
    """The numbers of an ordeal: requests, people, and how often each process is killed."""

    requests: int
    people: int
    workers_killed: int
    redis_killed: int
    web_restarted: int
    lease_seconds: int
    most_seconds: float


SHORT = Ordeal(60, 6, 2, 1, 0, lease_seconds=2, most_seconds=120)


def _number(name: str, default: int) -> int:
    return int(os.environ.get(f"QUEUE_{name}", default))


LONG = Ordeal(
    _number("REQUESTS", 0),
    _number("PEOPLE", 20),
    _number("WORKERS_KILLED", 20),
    _number("REDIS_KILLED", 3),
    _number("WEB_RESTARTED", 3),
    lease_seconds=_number("LEASE_SECONDS", 15),
    most_seconds=_number("MOST_SECONDS", 7000),
)
LONG_ONLY = pytest.mark.skipif(not LONG.requests, reason="make soak sets QUEUE_REQUESTS")


@pytest.mark.clients
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    "ordeal", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=LONG_ONLY)]
)
def test_nobody_is_refused_and_every_job_ends_once(ordeal, transactional_db, tmp_path, capsys):
    repo = make_hosted(tiny_model(tmp_path / "model"), live=False)
    people = [make_guest(repo) for _ in range(ordeal.people)]
    now = timezone.now()
    tokens = {person.pk: make_token(person, "infer", now=now)[1] for person in people}
    settings = {
        "WEIGHTGATE_JOB_LEASE_SECONDS": str(ordeal.lease_seconds),
        "WEIGHTGATE_DAILY_TOKENS": "1000000000",
    }
    began = time.monotonic()
    with running(tmp_path, **settings) as servers, sweeping():
        askers = Askers(servers.base_url, repo.full_name, tokens, ordeal.requests)
        askers.start()
        for at, kill in plan(ordeal, servers):
            wait_until(lambda at=at: askers.answers.count >= at, ordeal.most_seconds, "progress")
            kill()
        wait_until(lambda: not askers.busy, ordeal.most_seconds, "the last answer")
        # Jobs whose client lost its connection end by themselves.
        wait_until(lambda: not Job.objects.open().exists(), ordeal.most_seconds, "the last end")
    answers = askers.answers
    if ordeal is LONG:
        with capsys.disabled():
            print(f"\n{ordeal}\n{time.monotonic() - began:.0f} s, broken: {dict(answers.broken)}")
            print(f"attempts: {dict(attempts())}")
    assert answers.refused == []
    assert answers.count == ordeal.requests
    if not ordeal.web_restarted:
        assert (answers.broken, Job.objects.count()) == (Counter(), ordeal.requests)
    assert any(answer.position for answer in answers.whole), "nobody waited for a worker"
    every_job_ended_once()
    sums_agree(answers)


def plan(ordeal: Ordeal, servers: Servers) -> list[tuple[int, Callable[[], None]]]:
    """Say after how many answers what is killed; by chance, but the same each time."""
    killed = [
        *[servers.worker] * ordeal.workers_killed,
        *[servers.redis] * ordeal.redis_killed,
        *[servers.web] * ordeal.web_restarted,
    ]
    chance = random.Random(102)
    chance.shuffle(killed)
    span = ordeal.requests * 3 // 4
    times = sorted(chance.randint(ordeal.people, span) for _ in killed)
    return [
        (at, lambda daemon=daemon: servers.restart(daemon))
        for at, daemon in zip(times, killed, strict=True)
    ]


@contextmanager
def sweeping() -> Iterator[None]:
    """Do for the block what beat does: requeue the jobs of workers that were killed."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(SWEEP_SECONDS):
            sweep(now=timezone.now())
        connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


def attempts() -> Counter[int]:
    return Counter(Job.objects.values_list("attempt", flat=True))


def every_job_ended_once() -> None:
    ends = AuditEvent.objects.filter(type="job.ended").values("target_id").annotate(n=Count("pk"))
    assert {row["n"] for row in ends} == {1}
    assert len(ends) == Job.objects.count()
    assert not Job.objects.exclude(state__in=("succeeded", "cancelled")).exists()


def sums_agree(answers: Answers) -> None:
    """Hold what clients were told against the rows, and these against the engine's own tokens."""
    succeeded = Job.objects.filter(state=Job.State.SUCCEEDED)
    for job in succeeded.iterator():
        assert job.completion_tokens == sum(len(event["tokens"]) for event in job.events)
        assert job.completion_tokens == job.params["max_tokens"]
    clients = Counter[int]()
    for answer in answers.whole:
        clients[answer.person] += answer.prompt_tokens + answer.completion_tokens
    used = F("prompt_tokens") + F("completion_tokens")
    rows = dict(succeeded.values_list("person").annotate(tokens=Sum(used)).order_by())
    unheard = Job.objects.count() - answers.count  # answered, or stopped, after its client was cut
    assert unheard >= 0
    if unheard == 0:
        assert rows == dict(clients)
    for person, tokens in clients.items():
        assert rows[person] >= tokens
    begun = Job.objects.filter(attempt__gt=0)
    first_day = Job.objects.earliest("created_at").created_at  # the night may pass meanwhile
    for person in User.objects.filter(jobs__isnull=False).distinct():
        tokens = begun.filter(person=person).aggregate(tokens=Sum(used))["tokens"]
        assert quota_today(person, first_day).used == tokens  # nothing stays reserved
