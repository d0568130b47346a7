"""Files and batches of a person's, and the lines that they are made of."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from portal.accounts.models import AccessToken, User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.jobs.batches.contents import parts
from portal.jobs.batches.files import store_file
from portal.jobs.batches.public_ids import FILE_PREFIX, spelt
from portal.jobs.batches.submitting import create_batch
from portal.jobs.models import Batch, StoredFile
from portal.jobs.openai.batches import parse_batch


def request_line(repo: ModelRepo, custom_id: str = "a", **body: Any) -> dict[str, Any]:
    fields = {"model": repo.full_name, "prompt": "The water", "max_tokens": 3, **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/completions", "body": fields}


def as_jsonl(lines: list[Any]) -> bytes:
    """Write lines; one that is bytes stands as it is."""
    written = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return b"".join(line + b"\n" for line in written)


def make_file(
    person: User, content: bytes, *, now: datetime, token: AccessToken | None = None
) -> StoredFile:
    uploaded = SimpleUploadedFile("in.jsonl", content)
    return store_file(caller=Caller(person, token), uploaded=uploaded, now=now)


def make_batch(
    person: User,
    lines: list[Any],
    *,
    now: datetime,
    token: AccessToken | None = None,
    **fields: Any,
) -> Batch:
    """Submit a batch of these lines; no worker has looked at it yet."""
    file = make_file(person, as_jsonl(lines), now=now, token=token)
    body = {"endpoint": "/v1/completions", "completion_window": "24h", **fields}
    request = parse_batch({"input_file_id": spelt(FILE_PREFIX, file.pk), **body})
    return create_batch(caller=Caller(person, token), request=request, now=now)


def written(file_id: Any) -> list[dict[str, Any]]:
    """Read the lines of a file that a batch wrote."""
    if file_id is None:
        return []
    content = b"".join(parts(StoredFile.objects.get(pk=file_id)))
    return [json.loads(line) for line in content.splitlines()]
