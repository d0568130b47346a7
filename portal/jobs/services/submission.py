"""Make a job of a completion request: checked against access, the model and the quota."""

from __future__ import annotations

import json
import logging
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.accounts.affiliations import organization_id_of
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.errors import DomainError
from portal.jobs.captures.egress import EgressUse, egress_use_of, require_egress
from portal.jobs.chat.schemas import ChatRequest
from portal.jobs.errors import JobNotFound
from portal.jobs.models import BATCH, INTERACTIVE, Batch, Job
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.quota import QuotaUse, quota_use_of
from portal.jobs.rate_limit_headers import headers_on_refusals, rate_limit_headers
from portal.jobs.services.forgetting import kept_days
from portal.jobs.services.preparing import PreparedRequest, prepare
from portal.jobs.services.quota_checks import (
    require_room,
    require_within_a_day,
    require_within_quota,
)
from portal.jobs.serving.hints import hint_at_work

log = logging.getLogger(__name__)


def create_job(
    *,
    caller: Caller,
    completion_request: CompletionRequest,
    now: datetime,
    source: Job.Source = Job.Source.API,
    batch: Batch | None = None,
    chat: ChatRequest | None = None,
    kept_chat: dict[str, Any] | None = None,
) -> Job:
    """Queue a request, or refuse it in words; see ``submit``."""
    submitted = submit(
        caller=caller,
        completion_request=completion_request,
        now=now,
        source=source,
        batch=batch,
        chat=chat,
        kept_chat=kept_chat,
    )
    return submitted.job


@dataclass(frozen=True)
class Submitted:
    """A job that was queued, and what is left to its person with it."""

    job: Job
    quota_use: QuotaUse
    egress_use: EgressUse | None = None  # where it captures

    def headers(self, now: datetime) -> dict[str, str]:
        """Return what is left as headers."""
        egress = self.egress_use.headers if self.egress_use else {}
        return {**rate_limit_headers(self.quota_use, now), **egress}


def submit(
    *,
    caller: Caller,
    completion_request: CompletionRequest,
    now: datetime,
    source: Job.Source = Job.Source.API,
    batch: Batch | None = None,
    chat: ChatRequest | None = None,
    kept_chat: dict[str, Any] | None = None,
) -> Submitted:
    """Queue a request, or refuse it in words. Refusals tell in headers what is left.

    A batch's lines take no place of the jobs that may be open, and let others go first.
    ``chat``: what the prompt is made of. ``kept_chat``: what an earlier job kept of its chat, whose
    prompt this request repeats.

    Raises ModelNotFound, Refused, ModelLoading, BadParameter, QuotaExceeded.
    """
    prepared = prepare(caller, completion_request, now, takes_place=batch is None, chat=chat)
    if kept_chat is not None:
        prepared = replace(prepared, chat=kept_chat)
    return _store(prepared, source, batch, now)


@transaction.atomic
def _store(
    prepared: PreparedRequest, source: Job.Source, batch: Batch | None, now: datetime
) -> Submitted:
    person = User.objects.select_for_update(no_key=True).get(
        pk=prepared.caller.named.pk
    )  # the quotas are held under it
    allowance, repo = prepared.allowance, prepared.revision.repo
    quota_use = _require_quotas(prepared, person, batch, now)
    egress_use = _require_egress(prepared, person, quota_use, now)
    completion = prepared.completion
    seed = completion.seed  # a second attempt draws the same
    job = Job.objects.create(
        person=person,
        token=prepared.caller.token,
        organization_id=organization_id_of(person, now),
        has_floor=allowance.has_floor,
        repo=repo,
        revision=prepared.revision,
        source=source,
        batch=batch,
        priority=INTERACTIVE if batch is None else BATCH,
        model_name=completion.model,
        text_days=kept_days(repo),
        params={**completion.sampling, "seed": secrets.randbits(63) if seed is None else seed},
        seed_drawn=seed is None,
        prompts=prepared.prompts,
        white_box=prepared.plan.stored,
        chat_json="" if prepared.chat is None else json.dumps(prepared.chat),
        n=completion.n,
        samples=completion.samples,
        echo=completion.echo,
        stream=completion.stream,
        created_at=now,
        has_own_tokens=allowance.has_own_tokens,
        has_own_place=allowance.has_own_jobs,
        reserved_tokens=prepared.most_tokens,
        reserved_capture_bytes=prepared.plan.size_bytes,
        prompt_tokens=prepared.prompt_tokens,
        currency=settings.CURRENCY,
    )
    if batch is None:
        _record_submission(job, now)
    log.info("Job %s is queued: %s, %s prompt tokens", job.pk, repo.full_name, job.prompt_tokens)
    # A hint that is lost costs time alone: the sweep wakes the workers of what waits.
    transaction.on_commit(lambda: hint_at_work(repo.full_name))
    return Submitted(job, quota_use.with_job(prepared.most_tokens), egress_use)


def _require_quotas(
    prepared: PreparedRequest, person: User, batch: Batch | None, now: datetime
) -> QuotaUse:
    """Return what is used of the quotas of tokens and jobs, if there is room for the request.

    Asked under the lock, even if asked before: two requests at once would both have passed.
    """
    require_within_a_day(prepared.completion, prepared.allowance, prepared.prompt_tokens)
    quota_use = quota_use_of(person, prepared.allowance, now)
    with headers_on_refusals(lambda: quota_use, now):
        if batch is None:
            require_room(quota_use)
        require_within_quota(quota_use, prepared.most_tokens, now)
    return quota_use


def _require_egress(
    prepared: PreparedRequest, person: User, quota_use: QuotaUse, now: datetime
) -> EgressUse | None:
    """Return what has left of the model's inside, this request's captures too; None without any."""
    if not prepared.plan.size_bytes:
        return None
    use = egress_use_of(person, prepared.allowance, now)
    try:
        require_egress(use, prepared.plan.size_bytes, now)
    except DomainError as error:
        error.headers = {**rate_limit_headers(quota_use, now), **use.headers}
        raise
    return use.with_job(prepared.plan.size_bytes)


def _record_submission(job: Job, now: datetime) -> None:
    record(
        EventType.JOB_SUBMITTED,
        actor=job.person,
        target=job,
        at=now,
        repo=job.repo.full_name,
        revision=job.revision.commit,
        prompt_tokens=job.prompt_tokens,
    )


def find_job(*, person: User | None, job_id: UUID) -> Job:
    """Find a person's own job; others' don’t exist to them. Raises JobNotFound."""
    own = Job.objects.of(person).with_names().filter(pk=job_id) if person else Job.objects.none()
    job: Job | None = own.first()
    if job is None:
        raise JobNotFound
    return job
