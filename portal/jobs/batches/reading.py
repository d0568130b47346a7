"""Read a batch's file: a request each line, by the same rules as the endpoint that it is for.

A line is ``{"custom_id", "method": "POST", "url": "/v1/completions", "body": {…}}``; chat has its
own address.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from portal.errors import Invalid
from portal.jobs.batches import contents
from portal.jobs.batches.models import LONGEST_CUSTOM_ID, StoredFile
from portal.jobs.chat.endpoints import Endpoint
from portal.parsing.json import LARGEST_BODY_BYTES, read_object

MOST_ERRORS = 100


@dataclass(frozen=True)
class BatchError:
    """A fault in the file, in OpenAI's form; ``line`` counts from 1, None is the whole file."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None

    @property
    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class RequestLine:
    """A sound line of the file; ``body`` is its request as JSON."""

    number: int
    custom_id: str
    model: str
    body: str


class _Fault(Exception):
    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


class BatchReader:
    """A reader of one file. After ``lines`` is exhausted, ``errors`` has what is wrong with it."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = Endpoint(endpoint)
        self.errors: list[BatchError] = []
        self.model = ""
        self._custom_ids: dict[str, int] = {}

    def lines(self, file: StoredFile) -> Iterator[RequestLine]:
        """Yield the sound lines. Reading ends early where there are too many lines or faults."""
        count = 0
        for number, text in enumerate(contents.lines(file, most_bytes=LARGEST_BODY_BYTES), 1):
            if not text.strip():
                continue
            count += 1
            if count > settings.BATCH_LINES or len(self.errors) >= MOST_ERRORS:
                self._note_end(count)
                return
            try:
                yield self._line(number, text)
            except _Fault as fault:
                self.errors.append(BatchError(fault.code, fault.message, number, fault.param))
        if not count:
            message = "The file has no request. Write one a line."
            self.errors.append(BatchError("empty_file", message))

    def _note_end(self, count: int) -> None:
        if count > settings.BATCH_LINES:
            message = f"A batch may hold {settings.BATCH_LINES:,} requests. Split the file."
            self.errors.append(BatchError("too_many_requests", message))

    def _line(self, number: int, text: bytes) -> RequestLine:
        try:
            line = read_object(text, nul_in=("body",))
        except Invalid as error:
            raise _Fault("invalid_json_line", error.message, error.field) from error
        custom_id = self._custom_id(line, number)
        if line.get("method") != "POST":
            raise _Fault("invalid_method", "method must be POST.", "method")
        if line.get("url") != self._endpoint:
            message = f"url must be {self._endpoint}, which is the endpoint of the batch."
            raise _Fault("invalid_url", message, "url")
        body = line.get("body")
        if not isinstance(body, dict):
            raise _Fault("missing_required_parameter", "body must be an object.", "body")
        return RequestLine(number, custom_id, self._checked(body), json.dumps(body))

    def _custom_id(self, line: dict[str, Any], number: int) -> str:
        custom_id = line.get("custom_id")
        if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= LONGEST_CUSTOM_ID:
            message = f"custom_id must be a string of 1 to {LONGEST_CUSTOM_ID} characters."
            code = "invalid_custom_id" if custom_id else "missing_required_parameter"
            raise _Fault(code, message, "custom_id")
        first = self._custom_ids.setdefault(custom_id, number)
        if first != number:
            message = f"Line {first} has this custom_id already. Give each line its own."
            raise _Fault("duplicate_custom_id", message, "custom_id")
        return custom_id

    def _checked(self, body: dict[str, Any]) -> str:
        """Return the model that a request names, once it is as its endpoint takes it."""
        if body.get("stream"):
            message = "A batch streams nothing. Leave stream out."
            raise _Fault("invalid_value", message, "body.stream")
        if body.get("dry_run"):
            message = "A batch runs its requests. Send a dry run to /v1/completions."
            raise _Fault("invalid_value", message, "body.dry_run")
        try:
            _, completion = self._endpoint.parse(body)
        except Invalid as error:
            param = f"body.{error.field}" if error.field else "body"
            raise _Fault(error.code, error.message, param) from error
        model = completion.model
        if "\0" in model:
            raise _Fault("model_not_found", "The model’s name holds U+0000.", "body.model")
        self.model = self.model or model
        if model != self.model:
            message = "All requests of a batch name one model. Make a batch for each."
            raise _Fault("mismatched_model", message, "body.model")
        return model
