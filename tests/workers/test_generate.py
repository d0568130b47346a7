"""Jobs through the real engine, dispatcher and database."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from inference import Engine, SamplingParams
from portal.access.grants.ending.revocation import revoke_grant
from portal.catalog.models import TeamMember
from portal.jobs import hosting
from portal.jobs.models import Job
from portal.jobs.services import cancel_job
from portal.jobs.streaming.event_log import so_far
from tests.factories.catalog import make_reviewer, make_revision
from tests.factories.jobs import make_guest
from tests.waiting import wait_until


def tokens(job):
    return [event["tokens"] for event in job.events]


def test_a_job_gets_what_the_engine_alone_would_say(worker, model, submit, ended):
    job = ended(submit(prompt=[2, 7, 9], max_tokens=12, temperature=0, ignore_eos=True))
    assert job.state == Job.State.SUCCEEDED
    with Engine(model=model) as engine:
        [alone] = engine.generate(
            [[2, 7, 9]], SamplingParams(max_tokens=12, temperature=0.0, ignore_eos=True)
        )
    assert tokens(job) == [list(alone.outputs[0].token_ids)]
    assert job.events[0]["text"] == alone.outputs[0].text


def test_what_it_took_is_noted(worker, submit, ended):
    job = ended(submit(prompt=[2, 7], max_tokens=6, ignore_eos=True))
    assert (job.prompt_tokens, job.completion_tokens) == (2, 6)
    assert job.created_at <= job.started_at <= job.first_token_at <= job.ended_at
    assert job.engine_seconds > 0
    assert job.energy_wh > 0


def test_choices_come_by_prompt_then_sample(worker, submit, ended):
    prompts = [[2, 7], [2, 9, 11]]
    job = ended(submit(prompt=prompts, n=2, max_tokens=8, seed=1, ignore_eos=True))
    assert [event["choice"] for event in job.events] == [0, 1, 2, 3]
    assert len({tuple(ids) for ids in tokens(job)}) == 4


def test_the_same_seed_says_the_same(worker, submit, ended):
    jobs = [ended(submit(max_tokens=12, seed=5, n=2, stream=stream)) for stream in (False, True)]
    assert tokens(jobs[0]) == tokens(jobs[1])


def test_a_prompt_can_be_scored_without_writing(worker, submit, ended):
    job = ended(submit(prompt=[2, 7, 9], max_tokens=0, echo=True, logprobs=1))
    [event] = job.events
    assert event["tokens"] == []
    assert [entry and entry[0][0] for entry in event["prompt_logprobs"]] == [None, 7, 9]


def test_each_sample_knows_the_prompts_scores(worker, submit, ended):
    job = ended(submit(prompt=[2, 7, 9], n=3, max_tokens=2, echo=True, logprobs=0))
    assert [len(event["prompt_logprobs"]) for event in job.events] == [3, 3, 3]


def test_more_prompts_than_places_all_get_their_turn(worker, submit, ended, settings):
    count = settings.ENGINE_MAX_NUM_SEQS * 2 + 1
    job = ended(submit(prompt=[[2, 7 + n] for n in range(count)], max_tokens=2, ignore_eos=True))
    assert [len(ids) for ids in tokens(job)] == [2] * count


def test_many_peoples_jobs_all_end(worker, hosted, submit, ended):
    jobs = [submit(make_guest(hosted), max_tokens=10) for _ in range(8)]
    assert {ended(job).state for job in jobs} == {Job.State.SUCCEEDED}


def test_a_streams_events_add_up_to_the_result(worker, submit, ended):
    job = submit(max_tokens=10, stream=True, ignore_eos=True)
    wait_until(lambda: so_far(job)[0], 30, "a first token")
    heard = wait_until(lambda: len(ids := so_far(job)[0]) == 10 and ids, 30, "ten tokens")
    job = ended(job)
    assert [token for event in heard for token in event.tokens] == tokens(job)[0]
    assert "".join(event.text for event in heard) == job.events[0]["text"]


def test_a_job_waits_for_its_worker(hosted, submit, ended, start_worker):
    hosting.beat(hosted.full_name, state=hosting.READY, commit=hosted.revisions.get().commit)
    job = submit(max_tokens=2)
    start_worker()
    assert ended(job).state == Job.State.SUCCEEDED


LONG = {"prompt": [[2, 7]] * 64, "max_tokens": 90, "n": 8, "ignore_eos": True}


@pytest.fixture
def long_job(worker, submit):
    """Make a job that runs long enough to be found running."""
    job = submit(**LONG)
    wait_until(lambda: Job.objects.filter(pk=job.pk, state="running").exists(), 30, "its start")
    return job


def test_a_running_job_stops_on_request(long_job, guest, ended):
    cancel_job(person=guest, job_id=long_job.pk, now=timezone.now())
    job = ended(long_job)
    assert job.state == Job.State.CANCELLED
    assert job.completion_tokens < 64 * 8 * 90


def test_a_running_job_stops_when_access_ends(hosted, guest, ended, settings, worker, submit):
    settings.JOB_LEASE /= 30
    job = submit(**LONG)
    wait_until(lambda: Job.objects.filter(pk=job.pk, state="running").exists(), 30, "its start")
    revoke_grant(
        actor=make_reviewer(hosted, role=TeamMember.Role.ADMINISTRATOR),
        grant_id=guest.grants.get().pk,
        reason="The work has ended.",
        now=timezone.now(),
    )
    job = ended(job)
    assert (job.state, job.error) == (Job.State.FAILED, "Your access to the model ended.")


def test_a_worker_that_stops_gives_its_jobs_back(long_job, worker, start_worker, guest, ended):
    worker.stop()
    worker.join()
    long_job.refresh_from_db()
    assert (long_job.state, long_job.attempt) == (Job.State.QUEUED, 1)
    assert hosting.ready_commit(long_job.repo.full_name) is None
    start_worker()
    running = Job.objects.filter(pk=long_job.pk, state="running", attempt=2)
    wait_until(running.exists, 60, "the second attempt")
    cancel_job(person=guest, job_id=long_job.pk, now=timezone.now())
    ended(long_job)


def test_a_new_revision_is_loaded_by_itself(hosted, worker, tmp_path, model, submit, ended):
    changed = tmp_path / "changed"
    changed.mkdir()
    for file in model.iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    (changed / "README.md").write_text("---\nlicense: other\n---\n# Another card\n")
    revision = make_revision(hosted, changed)
    wait_until(
        lambda: hosting.ready_commit(hosted.full_name) == revision.commit, 60, "the new revision"
    )
    job = ended(submit(max_tokens=2))
    assert (job.state, job.revision) == (Job.State.SUCCEEDED, revision)


def test_without_a_revision_it_waits(start_worker):
    worker = start_worker()
    assert worker._thread.is_alive()
    assert hosting.live_workers() == {}


@pytest.fixture
def two_ranks(settings):
    settings.ENGINE_PIPELINE_PARALLEL_SIZE = 2
    settings.ENGINE_RANK_TIMEOUT = timedelta(seconds=20)


def other_rank():
    """Return the process that has the second half of the layers."""
    children = [
        int(child)
        for thread in Path("/proc/self/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    [found] = [child for child in children if b"inference.distributed.worker" in cmdline(child)]
    return found


def cmdline(process):
    return Path(f"/proc/{process}/cmdline").read_bytes()


def test_a_job_survives_the_loss_of_one_of_its_engines_ranks(
    two_ranks, worker, model, submit, ended
):
    job = submit(
        prompt=[[2, 7, 9]] * 64, max_tokens=90, temperature=0, ignore_eos=True, stream=True
    )
    wait_until(lambda: so_far(job)[0], 60, "a first token")
    os.kill(other_rank(), signal.SIGKILL)
    assert ended(job).state == Job.State.SUCCEEDED
    assert job.attempt == 2
    with Engine(model=model) as engine:
        params = SamplingParams(max_tokens=90, temperature=0.0, ignore_eos=True)
        [alone] = engine.generate([[2, 7, 9]], params)
    assert tokens(job) == [list(alone.outputs[0].token_ids)] * 64
