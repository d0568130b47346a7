"""A request becomes a row: guarded, measured against the model and the quota, recorded."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.access.policy.policy import Action, Limits
from portal.access.policy.refusals import require_may
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo, Revision
from portal.jobs.errors import BadParameter, JobNotFound, ModelLoading, QuotaExceeded
from portal.jobs.hosting import (
    HostedModel,
    find_hosted,
    hosted_model,
    served_revision,
    size_bytes,
)
from portal.jobs.models import Job
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.rate_limit import count_prompt_bytes
from portal.jobs.services.quota_checks import (
    require_room,
    require_within_a_day,
    require_within_quota,
)
from portal.queue import enqueue

log = logging.getLogger(__name__)


def create_job(
    *,
    caller: Caller,
    asked: CompletionRequest,
    now: datetime,
    source: Job.Source = Job.Source.API,
) -> Job:
    """Queue a request, or refuse it in words.

    Raises ModelNotFound, Refused, ModelLoading, BadParameter, QuotaExceeded.
    """
    repo = find_hosted(asked.model, caller)
    revision, limits = _allowed(caller, asked, repo, now)
    model = hosted_model(revision)
    _require_answerable(asked, model, limits)
    require_room(_named(caller))
    require_within_quota(_named(caller), repo, limits, asked.most_completion_tokens, now)
    prompts = _token_ids(caller, asked, model, now)
    return _store(caller, asked, revision, prompts, limits, source, now)


def _allowed(
    caller: Caller, asked: CompletionRequest, repo: ModelRepo, now: datetime
) -> tuple[Revision, Limits]:
    """The revision that answers, and how far the allowance goes. A refusal comes before a 503."""
    action = Action.CAPTURE if asked.looks_inside else Action.INFER
    try:
        revision = served_revision(repo)
    except ModelLoading:
        require_may(caller, action, repo, now)
        raise
    return revision, require_may(caller, action, revision, now).limits


def _require_answerable(asked: CompletionRequest, model: HostedModel, limits: Limits) -> None:
    """Refuse what can't be answered whatever the prompts hold, before any work is done on them."""
    model.require_room_for(asked.max_tokens)
    model.require_known(asked.stop_token_ids, "stop_token_ids")
    model.require_known(asked.logit_bias, "logit_bias")
    if asked.stop:
        model.require_text("stop")
    require_within_a_day(asked, limits)


def _token_ids(
    caller: Caller, asked: CompletionRequest, model: HostedModel, now: datetime
) -> list[list[int]]:
    """Tokenize the texts; they are counted whether or not they then fit."""
    longest, most = model.longest_prompt_bytes, settings.PROMPT_BYTES_PER_MINUTE
    size = sum(min(size_bytes(prompt), longest) for prompt in asked.prompts)
    wait_seconds = count_prompt_bytes(_named(caller), size, now)
    model.require_short(asked.prompts)
    rule = f"At most {most:,} bytes of prompts a minute are tokenized."
    if size > most:
        raise BadParameter(f"{rule} Send fewer prompts at once.", field="prompt")
    if wait_seconds:
        message = f"{rule} Go on in {wait_seconds} seconds."
        raise QuotaExceeded(message, retry_after_seconds=wait_seconds)
    return model.token_ids(asked.prompts, asked.max_tokens)


def _named(caller: Caller) -> User:
    if caller.person is None:
        raise ValueError("the policy lets nobody infer namelessly")
    return caller.person


@transaction.atomic
def _store(
    caller: Caller,
    asked: CompletionRequest,
    revision: Revision,
    prompts: list[list[int]],
    limits: Limits,
    source: Job.Source,
    now: datetime,
) -> Job:
    person = User.objects.select_for_update().get(pk=_named(caller).pk)  # one at a time per person
    prompt_tokens = sum(map(len, prompts))
    repo = revision.repo
    reserved = prompt_tokens + asked.most_completion_tokens
    require_within_a_day(asked, limits, prompt_tokens)
    require_room(person)
    require_within_quota(person, repo, limits, reserved, now)
    seed = secrets.randbits(63) if asked.seed is None else asked.seed  # a second attempt repeats
    job = Job.objects.create(
        person=person,
        token=caller.token,
        repo=repo,
        revision=revision,
        source=source,
        model_name=asked.model,
        params={**asked.sampling, "seed": seed},
        seed_drawn=asked.seed is None,
        prompts=prompts,
        n=asked.n,
        samples=asked.samples,
        echo=asked.echo,
        stream=asked.stream,
        created_at=now,
        reserved_tokens=reserved,
        prompt_tokens=prompt_tokens,
        currency=settings.CURRENCY,
    )
    record(
        EventType.JOB_SUBMITTED,
        actor=person,
        target=job,
        at=now,
        repo=repo.full_name,
        revision=revision.commit,
        prompt_tokens=prompt_tokens,
    )
    log.info("Job %s is queued: %s, %s prompt tokens", job.pk, repo.full_name, prompt_tokens)
    transaction.on_commit(lambda: enqueue("generate.work", repo=repo.full_name))
    return job


def find_job(*, person: User | None, job_id: UUID) -> Job:
    """One's own job; others' don’t exist. Raises JobNotFound."""
    mine = Job.objects.of(person).with_names().filter(pk=job_id) if person else Job.objects.none()
    job: Job | None = mine.first()
    if job is None:
        raise JobNotFound
    return job
