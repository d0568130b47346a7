"""Read a job's row as the engine's sampling parameters."""

from __future__ import annotations

from typing import Any

from inference.engine.sampling_params import SamplingParams
from portal.jobs.models import Job


def sampling_of(job: Job) -> SamplingParams:
    """Make the parameters of one of the job's samples. The row's names are the engine's."""
    params: dict[str, Any] = {**job.params, "prompt_logprobs": scored_alternatives(job)}
    for name in ("best_of", "return_token_ids"):  # about the answer, not about drawing
        params.pop(name, None)
    if "logit_bias" in params:  # JSON has names where the engine has ids
        params["logit_bias"] = {int(token): bias for token, bias in params["logit_bias"].items()}
    if params["logprobs"] is None and job.best_of > job.n:
        params["logprobs"] = 0  # the worker ranks by them; nobody else gets them
    return SamplingParams(n=1, **params)


def scored_alternatives(job: Job) -> int | None:
    """Return how many alternatives to list per prompt token; None if prompts aren't scored."""
    echoed = job.params["logprobs"] if job.echo else None
    counts = (echoed, job.params.get("prompt_logprobs"))
    return max((count for count in counts if count is not None), default=None)
