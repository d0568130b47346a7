"""Headers, streams and pages tell whoever waits their place, and about how long it may take."""

from __future__ import annotations

import asyncio
import copy
import json
import random
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.accounts.models import Organization
from portal.jobs.models import BATCH, INTERACTIVE, Job
from portal.jobs.services import cancel_job, finish_job
from portal.jobs.services.running import JobResult
from portal.jobs.serving import places
from portal.jobs.serving.places import QueuePlace, place_when_made, queue_of, read_queue
from portal.jobs.serving.presence import note_served
from tests.factories.accounts import make_token
from tests.factories.jobs import claim, make_guest, make_hosted, make_job
from tests.pages import as_shown
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(places, "_queues", {})


@pytest.fixture
def worker(settings):
    """Have a worker with one place, which took four seconds of the engine for each job of late."""
    settings.ENGINE_MAX_NUM_SEQS = 1

    def serve(repo, now):
        note_served(repo.revisions.get(), now)
        make_job(repo, now=now)
        job = claim(repo, now=now)
        result = JobResult(completion_tokens=1, engine_seconds=4.0)
        finish_job(job_id=job.pk, attempt=1, result=result, now=now)
        make_job(repo, now=now)
        claim(repo, now=now)

    return serve


def ahead(job, now):
    return place_when_made(job, now).ahead


def test_who_came_first_is_next(hosted, now):
    first, second, third = (make_job(hosted, now=now + timedelta(seconds=n)) for n in range(3))
    assert [ahead(job, now) for job in (third, first, second)] == [2, 0, 1]


def test_people_take_turns_so_one_persons_many_jobs_hold_up_nobody(hosted, now):
    busy = make_guest(hosted)
    jobs = [make_job(hosted, busy, now=now + timedelta(seconds=n)) for n in range(4)]
    newcomer = make_job(hosted, now=now + timedelta(seconds=9))
    assert ahead(newcomer, now) == 1
    assert [ahead(job, now) for job in jobs] == [0, 2, 3, 4]


def test_the_places_are_the_order_in_which_jobs_are_claimed(hosted, now):
    people = [make_guest(hosted) for _ in range(3)]
    for number in range(6):
        make_job(hosted, people[number % 2], now=now + timedelta(seconds=number))
    make_job(hosted, people[2], now=now + timedelta(seconds=20), n=2)
    order = list(read_queue(hosted.pk, now).ahead)
    assert [claim(hosted, now=now).pk for _ in order] == order


@pytest.mark.parametrize("seed", range(3))
def test_places_agree_with_claims_whatever_the_mixture(hosted, now, seed, settings):
    settings.FLOOR_PERCENT, settings.BATCH_PERCENT = 30, 10
    draw = random.Random(seed)
    people = [make_guest(hosted) for _ in range(5)]
    lab = Organization.objects.create(name="Lab", created_at=now, weight=3)
    other = Organization.objects.create(name="Other", created_at=now)
    homes = dict(zip(people, [lab, lab, other, None, None], strict=True))
    template = make_job(hosted, people[0], now=now)
    Job.objects.all().delete()
    jobs = []
    for number in range(60):
        person = draw.choice(people)
        template.pk, template.person, template.organization = None, person, homes[person]
        template.priority = draw.choice([INTERACTIVE, INTERACTIVE, BATCH, -1])
        template.has_floor = draw.random() < 0.4
        template.reserved_tokens = draw.randrange(10, 500)
        template.created_at = now + timedelta(seconds=number)
        template.id = uuid.UUID(int=draw.getrandbits(128))
        template._state.adding = True
        template.save()
        jobs.append(template.pk)
    for _ in range(8):  # some run, some have ended
        job = claim(hosted, now=now)
        if draw.random() < 0.5:
            finish_job(job_id=job.pk, attempt=1, result=JobResult(completion_tokens=70), now=now)
    order = list(read_queue(hosted.pk, now).ahead)
    assert len(order) == 52
    assert [claim(hosted, now=now).pk for _ in order] == order


def test_a_long_queue_of_every_kind_is_told_to_its_limit(hosted, now):
    job = make_job(hosted, now=now)
    rows = []
    for number in range(places.LONGEST + 100):
        job.pk, job.has_floor = uuid.UUID(int=number + 1), number % 3 == 0
        job.priority = BATCH if number % 2 else INTERACTIVE
        rows.append(copy.copy(job))
    Job.objects.bulk_create(rows)
    assert len(read_queue(hosted.pk, now).ahead) == places.LONGEST


def test_what_ends_or_runs_has_no_place(hosted, now):
    job = make_job(hosted, now=now)
    claim(hosted, now=now)
    assert place_when_made(job, now) is None


def test_the_wait_is_estimated_from_the_jobs_before(hosted, worker, now):
    worker(hosted, now)
    jobs = [make_job(hosted, now=now + timedelta(seconds=n)) for n in range(3)]
    assert [place_when_made(job, now).wait_seconds for job in jobs] == [4, 8, 12]


def test_free_places_are_no_wait(hosted, worker, now, settings):
    worker(hosted, now)
    settings.ENGINE_MAX_NUM_SEQS = 3
    jobs = [make_job(hosted, now=now + timedelta(seconds=n)) for n in range(3)]
    assert [place_when_made(job, now).wait_seconds for job in jobs] == [0, 0, 4]


def test_without_a_worker_or_a_job_that_ended_of_late_nothing_is_estimated(hosted, worker, now):
    assert place_when_made(make_job(hosted, now=now), now).wait_seconds is None
    worker(hosted, now)
    job = make_job(hosted, now=now)
    assert place_when_made(job, now + timedelta(minutes=1)).wait_seconds is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (QueuePlace(0, None), "next in line"),
        (QueuePlace(0, 0), "next in line"),
        (QueuePlace(3, 20), "3 ahead of you, about 20 s"),
        (
            QueuePlace(3, None, is_served=False),
            "3 ahead of you; no worker serves the model at present, and it waits for one",
        ),
        (QueuePlace(1200, 600), "1,200 ahead of you, about 10 min"),
        (QueuePlace(9, 7200), "9 ahead of you, about 2 h"),
    ],
)
def test_a_place_in_words(place, words):
    assert place.in_words == words


def test_many_who_wait_share_two_queries_a_second(hosted, now, django_assert_num_queries):
    jobs = [make_job(hosted, now=now) for _ in range(3)]
    with django_assert_num_queries(2):
        for job in jobs:
            assert queue_of(hosted.pk, now).place_of(job.pk)


# --- where it is said


@pytest.fixture
def waiting(model, transactional_db, worker):
    """Make a job that waits behind one more, for a worker that is busy."""
    now, hosted = timezone.now(), make_hosted(model)
    worker(hosted, now)
    make_job(hosted, now=now)
    return make_job(hosted, now=now + timedelta(milliseconds=1), stream=True)


async def lines_of(response, wanted):
    """Read a stream until a line has these words, and return it."""
    async for part in response.streaming_content:
        for line in part.decode().splitlines():
            if wanted in line:
                return line
    return ""


async def test_the_page_is_told_as_it_waits(async_client, waiting):
    await async_client.aforce_login(waiting.person)
    response = await async_client.get(f"/playground/{waiting.pk}/events")
    line = await lines_of(response, "ahead of you")
    assert json.loads(line.removeprefix("data: ")) == "queued, 1 ahead of you, about 8 s"
    await response.streaming_content.aclose()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_program_is_told_at_once_and_as_it_waits(async_client, waiting, stream):
    def prepare():
        guest = make_guest(waiting.repo)
        _, secret = make_token(guest, now=timezone.now())
        return guest, {"Authorization": f"Bearer {secret}"}

    guest, headers = await asyncio.to_thread(prepare)
    body = {"model": waiting.repo.full_name, "prompt": "x", "stream": stream}
    asking = asyncio.ensure_future(
        async_client.post(
            "/v1/completions", json.dumps(body), content_type="application/json", headers=headers
        )
    )
    if stream:
        response = await asking
        line = await lines_of(response, "queued")
        assert line == ": queued, 2 ahead of you, about 12 s"
        await response.streaming_content.aclose()
    else:
        await asyncio.to_thread(stop_when_queued, guest)
        response = await asking
        assert response.status_code == 409
        assert response.json()["error"]["code"] == "job_cancelled"
        assert response["x-should-retry"] == "false"  # else its client makes another job of it
    assert response["X-Weightgate-Queue-Position"] == "3"
    assert response["X-Weightgate-Queue-Wait-Seconds"] == "12"


def stop_when_queued(guest):
    job = wait_until(Job.objects.of(guest).first, 20, "a job")
    cancel_job(person=guest, job_id=job.pk, now=timezone.now())


def test_pages_say_it_as_they_are_loaded(client, waiting):
    client.force_login(waiting.person)
    said = "queued, 1 ahead of you, about 8 s"
    assert said in as_shown(client.get(f"/playground/{waiting.pk}").text)
    page = client.get("/jobs").text
    assert said in as_shown(page)
    assert f'data-job-events="/playground/{waiting.pk}/events"' in page
