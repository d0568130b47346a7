"""A request becomes a row: guarded, measured against the model and the quota, recorded."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.access.policy import Action, Limits
from portal.access.refusals import require_may
from portal.accounts.authentication import Caller
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo, Revision
from portal.jobs.accounting import Allowance, allowance_for, seconds_to_midnight
from portal.jobs.errors import BadParameter, JobNotFound, ModelLoading, QuotaExceeded
from portal.jobs.hosting import (
    HostedModel,
    find_hosted,
    hosted_model,
    served_revision,
    size_bytes,
)
from portal.jobs.models import Job
from portal.jobs.rates import count_prompt_bytes
from portal.jobs.schemas import CompletionRequest
from portal.queue import enqueue

OPEN_JOBS_RETRY_SECONDS = 2


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
    _require_affordable(caller, asked, repo, limits, now)
    prompts = _token_ids(caller, asked, hosted_model(revision), now)
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


def _require_affordable(
    caller: Caller, asked: CompletionRequest, repo: ModelRepo, limits: Limits, now: datetime
) -> None:
    """Refuse what the quota forbids whatever the prompts hold, before any work is done on them."""
    person = _named(caller)
    _require_room(person)
    completions = len(asked.prompts) * asked.n * asked.max_tokens
    _require_within_quota(allowance_for(person, repo, limits, now), completions, now)


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
    reserved = prompt_tokens + len(prompts) * asked.n * asked.max_tokens
    repo = revision.repo
    _require_room(person)
    _require_within_quota(allowance_for(person, repo, limits, now), reserved, now)
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
        samples=len(prompts) * asked.n,
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
    transaction.on_commit(lambda: enqueue("generate.work", repo=repo.full_name))
    return job


def _require_room(person: User) -> None:
    if Job.objects.of(person).open().count() >= settings.MAX_OPEN_JOBS:
        raise QuotaExceeded(
            f"You have {settings.MAX_OPEN_JOBS} jobs open, the most at one time. Wait for one to "
            "end, or stop one.",
            retry_after_seconds=OPEN_JOBS_RETRY_SECONDS,
        )


def _require_within_quota(today: Allowance, reserved: int, now: datetime) -> None:
    if reserved <= today.left:
        return
    if today.waiting_for:
        said = (
            f"This may take {reserved:,} tokens, and {today.used:,} of {today.limit:,} tokens a "
            "day while your request is in review are used."
        )
    elif today.left == 0:
        said = f"You’ve used today’s {today.limit:,} tokens."
    else:
        said = f"This may take {reserved:,} tokens, and {today.left:,} are left today."
    raise QuotaExceeded(
        f"{said} More from 00:00 UTC.", retry_after_seconds=seconds_to_midnight(now)
    )


def find_job(*, person: User | None, job_id: UUID) -> Job:
    """One's own job; others' don’t exist. Raises JobNotFound."""
    mine = Job.objects.of(person).with_names().filter(pk=job_id) if person else Job.objects.none()
    job: Job | None = mine.first()
    if job is None:
        raise JobNotFound
    return job
