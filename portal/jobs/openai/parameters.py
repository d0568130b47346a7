"""The parameters of a job as it was asked for, by the API's names."""

from __future__ import annotations

import json
from typing import Any

from portal.jobs.models import Job
from portal.jobs.openai.schemas import parse_completion

DEFAULTS = parse_completion({"model": "any", "prompt": "any"}).sampling
FIRST = ("max_tokens", "temperature", "top_p", "seed")
LONGEST_SHOWN = 80


def asked_parameters(job: Job) -> dict[str, Any]:
    """Return what a request must say to ask for the same: what matters most, and what was set."""
    params = job.params
    first = {name: params[name] for name in FIRST if params.get(name) is not None}
    counts = {"n": job.n} if job.n > 1 else {}
    rest = {
        name: value
        for name, value in params.items()
        if name not in FIRST and value != DEFAULTS.get(name)
    }
    if job.best_of == job.n:
        rest.pop("best_of", None)
    inside = {name: items for name, items in (job.white_box or {}).items() if items}
    return {**first, **counts, **rest, **({"echo": True} if job.echo else {}), **inside}


def shown(value: Any) -> str:
    """Spell a value in a line that a page has room for."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
