"""Say for how long prompts and outputs are kept, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from portal.catalog.models import ModelRepo
from portal.formatting import counted
from portal.jobs.services.forgetting import TO_BE_FETCHED, kept_days

MINUTES = counted(int(TO_BE_FETCHED.total_seconds() // 60), "minute")


def keeping(repos: Sequence[ModelRepo]) -> str:
    """Return a sentence about these models; "" without any."""
    spans = {repo.full_name: _span(kept_days(repo)) for repo in repos}
    if not spans:
        return ""
    if len(set(spans.values())) == 1:
        [span] = set(spans.values())
        return f"Prompts and outputs are kept for {span} after a job’s end, then forgotten."
    listed = "; ".join(f"{name}, {span}" for name, span in spans.items())
    return f"Prompts and outputs are kept after a job’s end, then forgotten: {listed}."


def _span(days: int) -> str:
    return counted(days, "day") if days else MINUTES
