"""Make jobs of a batch's lines, a few at a time, as long as quota and access allow."""

from __future__ import annotations

import logging
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.access.errors import Refused
from portal.access.policy.policy import Action, may_call
from portal.database.binding import values_apart
from portal.errors import DomainError
from portal.jobs.batches.locking import locked_batch
from portal.jobs.batches.models import Batch, BatchLine
from portal.jobs.batches.stopping import ACCESS_ENDED, stop_lines
from portal.jobs.chat.endpoints import NUL_IN, Endpoint
from portal.jobs.hosting import find_hosted
from portal.jobs.models import Job
from portal.jobs.querysets import OPEN_STATES
from portal.jobs.services.submission import create_job
from portal.observability.request_ids import bound_to
from portal.parsing.json import read_object
from portal.surfaces.openai import openai_body

log = logging.getLogger(__name__)
# Refusals that pass with time: a quota begins anew, a model is loaded.
PASSES = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


def feed(batch_id: UUID, now: datetime) -> None:
    """Queue waiting lines until as many are open as may be, or until one has to wait."""
    while _feed_one(batch_id, now):
        pass


@transaction.atomic
def _feed_one(batch_id: UUID, now: datetime) -> bool:
    """Queue the next line. Return whether another may follow.

    A transaction each: the job's holds the person's row, for which their own requests wait.
    """
    batch = locked_batch(batch_id)
    if batch is None or batch.state != Batch.State.IN_PROGRESS or not _has_room(batch):
        return False
    line = batch.lines.filter(state=BatchLine.State.WAITING).first()
    if line is None:
        return False
    if batch.token is not None and not batch.token.is_usable(now):
        stop_lines(batch, ACCESS_ENDED, now)
        return False
    with bound_to(batch.http_request_id):
        return _queue(batch, line, now)


def _has_room(batch: Batch) -> bool:
    running = batch.lines.filter(state=BatchLine.State.RUNNING, job__state__in=OPEN_STATES)
    return running.count() < settings.BATCH_OPEN_LINES


def _queue(batch: Batch, line: BatchLine, now: datetime) -> bool:
    try:
        with transaction.atomic():
            job = _make_job(batch, line, now)
    except DomainError as error:
        return _refused(batch, line, error, now)
    line.state, line.job, line.body = BatchLine.State.RUNNING, job, ""
    line.save(update_fields=["state", "job", "body"])
    _wait_for(batch, "")
    return True


def _wait_for(batch: Batch, reason: str) -> None:
    if batch.waiting_for != reason:
        batch.waiting_for = reason
        batch.save(update_fields=["waiting_for"])


def _make_job(batch: Batch, line: BatchLine, now: datetime) -> Job:
    body = read_object(line.body.encode(), nul_in=NUL_IN)
    chat, completion = Endpoint(batch.endpoint).parse(body)
    return create_job(
        caller=batch.caller, completion_request=completion, now=now, batch=batch, chat=chat
    )


def _refused(batch: Batch, line: BatchLine, error: DomainError, now: datetime) -> bool:
    """Have the line wait, or end with what its endpoint would answer, or end all of them."""
    if error.status in PASSES:
        log.info("Batch %s waits: %s", batch.pk, error.message)
        _wait_for(batch, error.message)
        return False
    if isinstance(error, Refused) and not _may_infer(batch, now):
        log.info("Batch %s stops, access has ended: %s", batch.pk, error.message)
        stop_lines(batch, ACCESS_ENDED, now)
        return False
    line.state, line.body, line.outcome = BatchLine.State.STOPPED, "", refusal_outcome(line, error)
    with values_apart():
        line.save(update_fields=["state", "body", "outcome"])
    return True


def _may_infer(batch: Batch, now: datetime) -> bool:
    try:
        repo = find_hosted(batch.model_name, batch.caller)
    except DomainError:
        return False
    return may_call(batch.caller, Action.INFER, repo, now).allowed


def refusal_outcome(line: BatchLine, error: DomainError) -> dict[str, Any]:
    """Return a refusal as the line's response."""
    status, body = openai_body(error)
    response = {"status_code": status, "request_id": f"line-{line.number}", "body": body}
    return {"response": response, "error": None}
