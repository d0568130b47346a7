"""A worker’s part in captures, without an engine: bytes as large as may be, or smaller."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.jobs.captures.keeping import keep_captures
from portal.jobs.models import Job
from portal.jobs.openai.schemas import parse_completion
from portal.jobs.services import finish_job
from portal.jobs.services.preparing import prepare
from portal.jobs.services.running import JobResult
from portal.jobs.streaming.event_log import ChoiceEvent
from tests.factories.jobs import claim

RESULT = JobResult(
    events=[ChoiceEvent(0, tokens=[7, 8], text="ab", finish_reason="length")],
    completion_tokens=2,
    engine_seconds=1.0,
)
TENSORS = {
    "0.output.0": {"dtype": "float32", "shape": [5, 32]},
    "0.output.0.positions": {"dtype": "int64", "shape": [5]},
}
# One position of one layer of the tiny model: 32 numbers.
ONE = {"site": "output", "layers": [0], "positions": [0]}


def most_bytes(repo: ModelRepo, person: Any, now: datetime, **fields: Any) -> int:
    """Return the bytes that a request would reserve."""
    completion = parse_completion({"model": repo.full_name, **fields})
    return prepare(Caller(person), completion, now, takes_place=False).plan.size_bytes


def store_captures(job: Job, content: bytes, now: datetime) -> str:
    """Store what a claimed job captured, as its worker does. Return the bytes' hash."""
    digest = sha256(content).hexdigest()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "captures"
        path.write_bytes(content)
        keep_captures(
            job_id=job.pk,
            attempt=job.attempt,
            path=path,
            sha256=digest,
            tensors=TENSORS,
            now=now,
        )
    return digest


def make_captured(repo: ModelRepo, now: datetime, *, content: bytes | None = None) -> Job:
    """Claim the next job and end it with its captures."""
    job = claim(repo, now=now)
    assert job is not None
    store_captures(job, content or bytes(job.reserved_capture_bytes), now)
    return finish_job(job_id=job.pk, attempt=job.attempt, result=RESULT, now=now)
