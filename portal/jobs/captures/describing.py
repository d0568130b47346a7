"""Describe captures as answers and pages carry them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.jobs.batches.public_ids import COMPLETION_PREFIX, spelt
from portal.jobs.captures.keeping import captures_of
from portal.jobs.models import CaptureFile, Job

MOST_SHOWN = 100  # on a page


def captures_url(job: Job) -> str:
    path = reverse("jobs:captures", args=[spelt(COMPLETION_PREFIX, job.pk)])
    return f"{settings.BASE_URL}{path}"


def with_captures(extra: Mapping[str, Any], job: Job) -> Mapping[str, Any]:
    """Return what an answer has beside OpenAI's fields, with the captures of an ended job."""
    captures = captures_of(job) if job.capture_bytes else None
    if captures is None:
        return extra
    described = {
        **_place(job, captures),
        "size_bytes": captures.blob.size_bytes,
        "tensors": captures.tensors,
    }
    return {**extra, "x_weightgate": {**extra.get("x_weightgate", {}), "captures": described}}


def _place(job: Job, captures: CaptureFile) -> dict[str, str]:
    """Say where the tensors are; those of a batch's line, in the batch's files under its id."""
    if job.batch_id is not None:
        return {"prefix": f"{job.batch_line.custom_id}/"}
    return {"url": captures_url(job), "sha256": captures.blob_id}


def shown_captures(job: Job) -> dict[str, Any]:
    """Return the captures of a job for its page, with the first of their tensors as rows."""
    captures = captures_of(job) if job.capture_bytes else None
    if captures is None:
        return {}
    rows = [
        (name, " × ".join(map(str, tensor["shape"])), tensor["dtype"])
        for name, tensor in islice(captures.tensors.items(), MOST_SHOWN)
    ]
    return {"captures": captures, "capture_rows": rows}
