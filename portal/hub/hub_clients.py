"""Tell apart what the Hub's clients of different versions mean, and how to warn them."""

from __future__ import annotations

import re
from typing import TypeVar

from django.http import HttpRequest, HttpResponseBase

from portal.surfaces.headers import ascii_line

VERSION = re.compile(r"\bhf_hub/(\d{1,4})\.(\d{1,4})")
GIVES_UP_FROM = (1, 32)
Response = TypeVar("Response", bound=HttpResponseBase)


def is_before_version_1(request: HttpRequest) -> bool:
    """Tell whether huggingface_hub 0.x asks, which no repair will reach any more."""
    version = _version(request)
    return version is not None and version < (1, 0)


def asks_again_for_ever(request: HttpRequest) -> bool:
    """Tell whether the client's ``upload-large-folder`` repeats a refused request without end.

    Newer versions give up after eight refusals.
    """
    version = _version(request)
    return version is not None and version < GIVES_UP_FROM


def _version(request: HttpRequest) -> tuple[int, int] | None:
    """Return the major and minor version of huggingface_hub; None for any other client."""
    match = VERSION.search(request.headers.get("User-Agent", ""))
    return (int(match[1]), int(match[2])) if match else None


def warned(response: Response, topic: str, message: str) -> Response:
    """Add a warning, which clients from version 1 on print once for each topic."""
    if message:
        response["X-HF-Warning"] = f"{topic}; {ascii_line(message)}"
    return response
