"""What the Hub's clients of different versions mean by the same request, and how to warn them."""

from __future__ import annotations

import re
from typing import TypeVar

from django.http import HttpRequest, HttpResponseBase

from portal.middleware import ascii_line

BEFORE_VERSION_1 = re.compile(r"\bhf_hub/0\.")
Response = TypeVar("Response", bound=HttpResponseBase)


def is_before_version_1(request: HttpRequest) -> bool:
    """Tell whether huggingface_hub 0.x asks, which no repair will reach any more."""
    return BEFORE_VERSION_1.search(request.headers.get("User-Agent", "")) is not None


def warned(response: Response, topic: str, message: str) -> Response:
    """Add a warning, which clients from version 1 on print once for each topic."""
    if message:
        response["X-HF-Warning"] = f"{topic}; {ascii_line(message)}"
    return response
