"""The columns of the sums of use, as programs read them: in CSV, JSON and the API."""

from __future__ import annotations

from typing import Any

from portal.jobs.accounting.usage import UsageSum

COLUMNS = (
    *("key", "label", "jobs", "prompt_tokens", "completion_tokens", "engine_seconds"),
    *("energy_wh", "measured", "measured_wh", "co2_g", "cost", "currency"),
    *("idle_wh", "idle_co2_g"),
)


def values_of(line: UsageSum) -> list[Any]:
    """Return a line's values in the columns' order."""
    return [getattr(line, name) for name in COLUMNS]
