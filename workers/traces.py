"""Continue the trace of a request with what its job went through."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from portal.observability.traces import Attributes, past_span
from workers.runs import Run


def trace_run(run: Run, *, commit_began: datetime) -> None:
    """Make the spans of a run that has ended: its waiting, its two phases, and its commit.

    They are made afterwards, from the times that the run has anyway: the engine's thread serves
    many requests in a step, and none of them can be its context.
    """
    job, ended_at = run.job, run.ended_at or commit_began
    first = run.first_token_at or ended_at
    facts: Attributes = {
        "weightgate.request_id": job.http_request_id,
        "weightgate.attempt": job.attempt,
        "weightgate.prompt_tokens": job.prompt_tokens,
        "weightgate.completion_tokens": run.tokens,
    }
    whole = past_span("job", job.trace_parent, job.created_at, timezone.now(), facts)
    past_span("claim", whole, job.created_at, run.claimed_at)
    past_span("prefill", whole, run.claimed_at, first)
    past_span("decode", whole, first, ended_at)
    past_span("finish", whole, commit_began, timezone.now())
