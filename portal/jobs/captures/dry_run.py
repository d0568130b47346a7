"""Tell what a request would capture, and whether the budget has room for it; nothing runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.accounts.tokens.authentication import Caller
from portal.jobs.captures.egress import egress_use_of
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.services.preparing import prepare


def dry_run(
    *, caller: Caller, completion_request: CompletionRequest, now: datetime
) -> dict[str, Any]:
    """Return the plan of a request that could be made. Raises what ``prepare`` raises."""
    prepared = prepare(caller, completion_request, now, takes_place=False)
    plan = prepared.plan
    use = egress_use_of(caller.named, prepared.allowance, now)
    tensors = {
        name: {
            "shape": list(layout.shape),
            "dtype": layout.dtype,
            "size_bytes": layout.size_bytes,
        }
        for name, layout in plan.tensors.items()
    }
    return {
        "object": "completion.dry_run",
        "model": completion_request.model,
        "prompt_tokens": [len(prompt) for prompt in prepared.prompts],
        "captures": {"size_bytes": plan.size_bytes, "tensors": tensors},
        "egress": {"day": use.day.as_dict, "total": use.total.as_dict},
        "fits": use.fits(plan.size_bytes),
    }
