"""Words for a body over the limit of any, which is refused before a view is asked.

nginx refuses one first where it stands in front; its configuration says the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from portal.errors import TooLarge
from portal.parsing.json import LARGEST_BODY_BYTES
from portal.surfaces.openai import openai_body
from portal.surfaces.rest import rest_body

OF_JSON = f"Send at most {LARGEST_BODY_BYTES:,} bytes of JSON at once."
OF_FILES = (
    "A file has at most 256 MB, or less where WEIGHTGATE_FILE_BYTES says so. Split it into several."
)
OF_UPLOADS = "Send at most 256 MB at once. Larger files go through the LFS batch."
OF_PAGES = "Send at most 256 MB at once."


@dataclass(frozen=True)
class LargeBodyAnswer:
    """A refusal of a body: its words, and the JSON in the form of the address's protocol."""

    message: str
    content: bytes


def answer_to_large_body(path: str) -> LargeBodyAnswer:
    """Return the refusal of a body that was sent to this address."""
    if path.startswith("/v1/"):
        message = OF_FILES if path.startswith("/v1/files") else OF_JSON
        return _answer(message, openai_body(TooLarge(message))[1])
    if path.startswith("/api/v1/"):
        return _answer(OF_JSON, rest_body(TooLarge(OF_JSON)))
    is_upload = path.startswith(("/api/", "/v2/")) or ".git/" in path
    message = OF_UPLOADS if is_upload else OF_PAGES
    return _answer(message, {"error": message})


def _answer(message: str, content: object) -> LargeBodyAnswer:
    return LargeBodyAnswer(message, json.dumps(content).encode())
