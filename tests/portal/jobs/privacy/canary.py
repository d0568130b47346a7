"""A word that occurs nowhere else, asked of a model and then looked for in all that is written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from portal.jobs.models import Job
from tests.logged import Logged, logging_to

CANARY = "Quokka xylophone"
FIELDS: dict[str, Any] = {
    "prompt": f"The water of {CANARY}",
    "stop": [f"stop {CANARY}"],
    "stop_token_ids": [271],
    "logit_bias": {"273": -3},
    "echo": True,
    "max_tokens": 6,
}


def signs_of(job: Job) -> list[str]:
    """List the spellings in which a job's prompt and output could be found."""
    outputs = [event["text"] for event in job.events] if job.result_json else []
    tokens = [event["tokens"] for event in job.events] if job.result_json else []
    ids = [", ".join(map(str, some)) for some in (*job.prompts, *tokens) if len(some) > 2]
    return [CANARY, *(text for text in outputs if len(text) > 3), *ids]


def require_unseen(written: str, *jobs: Job) -> None:
    """Fail if a job's prompt or output stands in what was written."""
    seen = [
        sign for sign in (CANARY, *(s for job in jobs for s in signs_of(job))) if sign in written
    ]
    assert not seen, f"{seen} in {written[max(written.index(seen[0]) - 500, 0) :][:1000]}"


class Written:
    """The log in both of its forms, down to what only programmers read."""

    def __init__(self, *forms: Logged) -> None:
        self._forms = forms

    def __str__(self) -> str:
        return "\n".join(form.getvalue() for form in self._forms)


@contextmanager
def all_logged() -> Iterator[Written]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        with logging_to("line") as lines, logging_to("json") as entries:
            yield Written(lines, entries)
    finally:
        root.setLevel(level)
