"""Run a job again: a new one, asked for in the same words, with a seed of its own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from portal.accounts.tokens.authentication import Caller
from portal.jobs.errors import PromptForgotten
from portal.jobs.models import Job
from portal.jobs.openai.schemas import CompletionRequest, parse_completion
from portal.jobs.services.submission import create_job, find_job


def run_again(*, caller: Caller, job_id: UUID, now: datetime, source: Job.Source) -> Job:
    """Queue what one's own job asked for as a new job, with all checks of a first request.

    Raises JobNotFound, PromptForgotten, and what ``create_job`` raises.
    """
    job = find_job(person=caller.person, job_id=job_id)
    if not job.prompts:
        raise PromptForgotten
    return create_job(
        caller=caller,
        completion_request=_request_of(job),
        now=now,
        source=source,
        kept_chat=job.chat,
    )


def _request_of(job: Job) -> CompletionRequest:
    """Return the request that the row keeps: its prompts are token ids, which come out the same."""
    parameters = {name: value for name, value in job.params.items() if name != "seed"}
    return parse_completion(
        {
            **parameters,
            "model": job.repo.full_name,
            "prompt": job.prompts,
            "n": job.n,
            "echo": job.echo,
            **(job.white_box or {}),
        }
    )
