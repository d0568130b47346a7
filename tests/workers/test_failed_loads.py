"""A worker that can't load its model says so, and nobody waits for it for long."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.doctor.workers import _hosted as doctor_of_models
from portal.jobs import hosting
from portal.jobs.errors import ModelUnloadable
from portal.jobs.models import Job
from portal.jobs.services import sweep
from portal.jobs.serving.failing import announced_failure
from portal.jobs.serving.presence import note_served
from tests.factories.catalog import make_revision
from tests.factories.jobs import make_hosted, make_job
from tests.waiting import wait_until
from workers import loading
from workers.heartbeat import ModelHeartbeat
from workers.loading import KILLED, LOADS, BegunLoads, load_engine

FILES = "its files can’t be read"


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch):
    monkeypatch.setattr(loading, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(loading, "LOOK_SECONDS", 0.1)


@pytest.fixture
def broken(transactional_db, model, tmp_path):
    """Make a hosted repo whose weights lack a layer."""
    folder = shutil.copytree(model, tmp_path / "broken")
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"num_hidden_layers": 3}))
    return make_hosted(folder, live=False)


def failure_of(repo):
    return wait_until(lambda: announced_failure(repo.full_name), 30, "an announced failure")


def test_a_worker_that_cannot_load_its_model_refuses_prompts(broken, start_worker):
    start_worker()
    assert failure_of(broken).reason == FILES
    wait_until(lambda: hosting.standing_failure(broken, timezone.now()), 10, "no more loading")
    with pytest.raises(ModelUnloadable, match=FILES) as refused:
        make_job(broken, now=timezone.now())
    assert refused.value.status == 503
    assert refused.value.retry_after_seconds == 60
    [finding] = doctor_of_models()
    assert finding.state == "fault"
    assert f"failed to load {broken.full_name}" in finding.message


def test_it_serves_the_revision_that_mends_it(broken, model, start_worker, ended):
    start_worker()
    failure_of(broken)
    revision = make_revision(broken, model)
    wait_until(lambda: hosting.ready_commit(broken.full_name) == revision.commit, 60, "its end")
    assert announced_failure(broken.full_name) is None
    job = ended(make_job(broken, now=timezone.now(), max_tokens=2))
    assert job.state == Job.State.SUCCEEDED


def test_jobs_that_wait_end_with_the_reason_after_an_absence(broken, start_worker, settings):
    note_served(broken.revisions.get(), timezone.now())
    job = make_job(broken, now=timezone.now())
    start_worker()
    failure = failure_of(broken)
    wait_until(lambda: hosting.standing_failure(broken, timezone.now()), 10, "no more loading")
    sweep(now=failure.since + settings.WORKER_ABSENCE - timedelta(seconds=1))
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
    sweep(now=failure.since + settings.WORKER_ABSENCE)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    said = f"No worker has been able to load the model for 10\xa0minutes: {FILES}"
    assert job.error.startswith(said)


def test_another_worker_that_serves_meanwhile_is_waited_for(broken, start_worker):
    start_worker()
    failure_of(broken)
    note_served(broken.revisions.get(), timezone.now())
    assert hosting.standing_failure(broken, timezone.now()) is None
    assert make_job(broken, now=timezone.now()).state == Job.State.QUEUED


# --- processes that are killed as they load


class KilledError(BaseException):
    """An end of the process, as far as the loop of loads can tell."""


@pytest.fixture
def killed_loads(hosted, monkeypatch):
    """Have so many processes killed as they load the model."""

    def kill(folder):
        raise KilledError

    def load(count):
        with monkeypatch.context() as patched:
            patched.setattr(loading, "make_engine", kill)
            for _ in range(count):
                with pytest.raises(KilledError):
                    load_engine(hosted.revisions.get(), heartbeat_of(hosted), lambda _: True)

    return load


def heartbeat_of(repo):
    return ModelHeartbeat(repo.full_name, repo.revisions.get().commit)


@pytest.mark.parametrize(("count", "is_failed"), [(LOADS - 1, False), (LOADS, True)])
def test_processes_that_are_killed_as_they_load_count(hosted, killed_loads, count, is_failed):
    killed_loads(count)
    heartbeat = heartbeat_of(hosted)
    engine = load_engine(hosted.revisions.get(), heartbeat, lambda _: True)
    engine.close()
    assert (heartbeat._failure is not None) == is_failed
    if is_failed:
        assert heartbeat._failure.reason == KILLED


def test_a_load_that_succeeds_begins_anew(hosted, killed_loads):
    killed_loads(LOADS)
    load_engine(hosted.revisions.get(), heartbeat_of(hosted), lambda _: True).close()
    assert BegunLoads(hosted.revisions.get()).in_vain == 0


def test_a_worker_that_is_stopped_leaves_no_failure(broken, start_worker):
    worker = start_worker()
    failure_of(broken)
    worker.stop()
    worker.join()
    assert BegunLoads(broken.revisions.get()).in_vain == 0
    assert announced_failure(broken.full_name) is None


MEMORY = "it needs more memory than there is"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError("no room"), MEMORY),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), MEMORY),
        (RuntimeError("/srv/secret"), "the engine doesn’t start"),
    ],
    ids=["memory", "cuda", "else"],
)
def test_reasons_for_everybody_name_no_paths(error, reason):
    assert loading._reason(error) == reason
