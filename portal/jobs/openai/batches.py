"""Spell batches as OpenAI's API does, and validate the request for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from portal.jobs.accounting.batches import BatchTokens, tokens_of
from portal.jobs.batches.capturing import capture_file_ids
from portal.jobs.batches.models import Batch
from portal.jobs.batches.public_ids import BATCH_PREFIX, FILE_PREFIX, spelt
from portal.jobs.batches.retention import files_kept
from portal.jobs.chat.endpoints import Endpoint
from portal.jobs.errors import BadParameter
from portal.parsing.bodies import Body, must, validated

WINDOW = "24h"
Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=64)],
        Annotated[str, Field(max_length=512)],
    ],
    Field(max_length=16),
    must(
        "must be an object of 16 texts at most, with names of 64 and values of 512 characters at "
        "most"
    ),
]
TIMES = (
    *("created_at", "expires_at", "in_progress_at", "finalizing_at", "completed_at"),
    *("failed_at", "expired_at", "cancelling_at", "cancelled_at"),
)


class BatchRequest(Body):
    """A request to run the requests of a file."""

    input_file_id: str = Field(min_length=1)
    endpoint: Annotated[Endpoint, Field(strict=False), must(f"must be {' or '.join(Endpoint)}")]
    completion_window: Annotated[Literal["24h"], must(f"must be {WINDOW}")]
    metadata: Metadata = Field(default_factory=dict)


def parse_batch(data: dict[str, Any]) -> BatchRequest:
    """Read a request, or raise BadParameter, naming the first field that is wrong."""
    if data.get("output_expires_after") is not None:
        message = f"output_expires_after is not supported. {files_kept()}"
        raise BadParameter(message, field="output_expires_after")
    return validated(BatchRequest, data, refusal=BadParameter)


def batch_object(batch: Batch) -> dict[str, Any]:
    return batch_objects([batch])[0]


def batch_objects(batches: Sequence[Batch]) -> list[dict[str, Any]]:
    """Return batches as clients read them, what is used so far added up in one query at most."""
    tokens = tokens_of(batches)
    return [_object(batch, tokens[batch.pk]) for batch in batches]


def _object(batch: Batch, tokens: BatchTokens) -> dict[str, Any]:
    """Return a batch as clients read it."""
    errors = {"object": "list", "data": batch.errors} if batch.errors else None
    files = {kind: spelt(FILE_PREFIX, file_id) for kind, file_id in batch.file_ids.items()}
    return {
        "id": spelt(BATCH_PREFIX, batch.pk),
        "object": "batch",
        "endpoint": batch.endpoint,
        "model": batch.model_name or None,
        "errors": errors,
        "input_file_id": files["input"],
        "completion_window": WINDOW,
        "status": batch.state,
        "output_file_id": files.get("output"),
        "error_file_id": files.get("error"),
        **{name: _seconds(getattr(batch, name)) for name in TIMES},
        "request_counts": {
            "total": batch.total,
            "completed": batch.completed,
            "failed": batch.failed,
        },
        "usage": _usage(tokens),
        "metadata": batch.metadata or None,
        "x_weightgate": {"waiting_for": batch.waiting_for or None, **_captures(batch)},
    }


def _captures(batch: Batch) -> dict[str, Any]:
    """Return the files of what its lines captured, once they are whole; nothing without any."""
    index_id = batch.file_ids.get("captures")
    if index_id is None:
        return {}
    shards = [spelt(FILE_PREFIX, file_id) for file_id in capture_file_ids(batch)]
    return {"capture_index_id": spelt(FILE_PREFIX, index_id), "capture_file_ids": shards}


def _usage(tokens: BatchTokens) -> dict[str, Any]:
    """Return the tokens. No model here reasons, and none is charged less for what is cached."""
    return {
        "input_tokens": tokens.prompts,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": tokens.answers,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": tokens.total,
    }


def _seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment else None
