from __future__ import annotations

import openai
import pytest
from django.db import connections
from django.utils import timezone

from portal.jobs import hosting
from portal.redis_client import redis_client
from tests.factories.jobs import make_guest, make_hosted, make_job, tiny_model
from tests.waiting import wait_until
from workers.generate import Generator

MIDWAY = 100


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(autouse=True)
def _own_var(settings, tmp_path):
    settings.VAR = tmp_path / "var"
    settings.HOSTED_MODEL = ""
    redis_client().flushdb()


@pytest.fixture
def hosted(transactional_db, model):
    return make_hosted(model, live=False)


@pytest.fixture
def start_worker(transactional_db):
    """Start the real dispatcher, engine and heartbeat as threads."""
    started = []

    def start():
        worker = Generator()
        started.append(worker)
        worker.start()
        return worker

    yield start
    for worker in started:
        worker.stop()
        worker.join()
    connections.close_all()


@pytest.fixture
def worker(hosted, start_worker):
    made = start_worker()
    wait_until(lambda: hosting.ready_commit(hosted.full_name), 60, "a loaded model")
    return made


@pytest.fixture
def guest(hosted):
    return make_guest(hosted)


@pytest.fixture
def submit(hosted, guest):
    def send(person=None, **fields):
        return make_job(hosted, person or guest, now=timezone.now(), **fields)

    return send


@pytest.fixture
def ended():
    """Wait for a job's end, and return its row."""

    def wait(job):
        def look():
            job.refresh_from_db()
            return not job.is_open

        wait_until(look, 60, f"the end of {job}")
        return job

    return wait


@pytest.fixture
def long_stream(live):
    """Stream one long, seeded completion of the demo’s model, and return its chunks.

    ``midway`` is called once, after some of them.
    """
    client = openai.OpenAI(
        base_url=f"{live.base_url}/v1",
        api_key=live.account("approved")["token"],
        max_retries=8,
        timeout=120,
    )

    def read(midway, extra_body=None, **fields):
        asked = {"model": live.demo["hosted_model"], "prompt": "def main(", "seed": 7}
        more = {"ignore_eos": True, **(extra_body or {})}
        chunks = []
        for chunk in client.completions.create(**asked, **fields, stream=True, extra_body=more):
            chunks.append(chunk)
            if len(chunks) == MIDWAY:
                midway()
        return chunks

    return read
