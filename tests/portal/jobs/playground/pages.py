"""The playground's page and form, as a browser sends it."""

from __future__ import annotations

from typing import Any

from portal.catalog.models import ModelRepo

PLAYGROUND = "/playground"


def form(hosted: ModelRepo, **changed: Any) -> dict[str, Any]:
    """Return the form as it is sent for a model, with some fields changed."""
    sound = {
        "model": hosted.full_name,
        "prompt": "The water",
        "max_tokens": "8",
        "temperature": "0.8",
        "top_p": "0.95",
        "top_k": "0",
        "seed": "",
        "logprobs": "5",
        "stop": "",
    }
    return {**sound, **changed}
