"""Make a job of a completion request: checked against access, the model and the quota."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.access.errors import Refused
from portal.access.policy.policy import Action, Limits, Reason
from portal.access.policy.refusals import require_may
from portal.accounts.affiliations import organization_id_of
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo, Revision
from portal.jobs.errors import JobNotFound, ModelLoading
from portal.jobs.hosting import (
    HostedModel,
    find_hosted,
    hosted_model,
    served_revision,
    size_bytes,
    within_context,
)
from portal.jobs.models import BATCH, INTERACTIVE, Batch, Job
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.quota import Allowance, QuotaUse, allowance_of, quota_use_of
from portal.jobs.rate_limit import count_prompt_bytes, require_within_rate
from portal.jobs.rate_limit_headers import headers_on_refusals
from portal.jobs.services.forgetting import kept_days
from portal.jobs.services.quota_checks import (
    require_room,
    require_within_a_day,
    require_within_quota,
)
from portal.jobs.serving.hints import hint_at_work

log = logging.getLogger(__name__)
# To tokenize so much takes no longer than to ask what is left of a quota.
SOON_TOKENIZED_BYTES = 4096


def create_job(
    *,
    caller: Caller,
    completion_request: CompletionRequest,
    now: datetime,
    source: Job.Source = Job.Source.API,
    batch: Batch | None = None,
) -> Job:
    """Queue a request, or refuse it in words; see ``submit``."""
    submitted = submit(
        caller=caller, completion_request=completion_request, now=now, source=source, batch=batch
    )
    return submitted.job


@dataclass(frozen=True)
class Submitted:
    """A job that was queued, and what is left to its person with it."""

    job: Job
    quota_use: QuotaUse


def submit(
    *,
    caller: Caller,
    completion_request: CompletionRequest,
    now: datetime,
    source: Job.Source = Job.Source.API,
    batch: Batch | None = None,
) -> Submitted:
    """Queue a request, or refuse it in words. Refusals tell in headers what is left.

    A batch's lines take no place of the jobs that may be open, and let others go first.

    Raises ModelNotFound, Refused, ModelLoading, BadParameter, QuotaExceeded.
    """
    repo = find_hosted(completion_request.model, caller)
    revision, limits = _allowed(caller, completion_request, repo, now)
    allowance = allowance_of(repo, limits)
    quota_use = cache(lambda: quota_use_of(caller.named, allowance, now))
    with headers_on_refusals(quota_use, now):
        model = within_context(hosted_model(revision), allowance.context_tokens)
        # The cheap refusals come first: nobody may cause megabytes to be tokenized in vain.
        _require_answerable(completion_request, model, allowance)
        if sum(map(size_bytes, completion_request.prompts)) > SOON_TOKENIZED_BYTES:
            if batch is None:
                require_room(quota_use())
            require_within_quota(quota_use(), completion_request.most_completion_tokens, now)
        prompts = _token_ids(caller, completion_request, model, now)
        return _store(caller, completion_request, revision, prompts, allowance, source, batch, now)


def _allowed(
    caller: Caller, completion_request: CompletionRequest, repo: ModelRepo, now: datetime
) -> tuple[Revision, Limits]:
    """Return the revision that answers, and the person's limits.

    A refusal comes before ModelLoading: nobody without access is told to try again later.
    """
    inside = completion_request.inside_fields
    action = Action.SCORE if inside else Action.INFER
    try:
        revision = served_revision(repo, now)
    except ModelLoading:
        require_may(caller, action, repo, now)
        raise
    try:
        return revision, require_may(caller, action, revision, now).limits
    except Refused as refused:
        if inside and refused.refusal.reason == Reason.CONDITION:
            refused.field = inside[0]
        raise


def _require_answerable(
    completion_request: CompletionRequest, model: HostedModel, allowance: Allowance
) -> None:
    """Refuse what can't be answered whatever the prompts hold, before any work is done on them."""
    model.require_room_for(completion_request.max_tokens)
    model.require_known(completion_request.stop_token_ids, "stop_token_ids")
    model.require_known(completion_request.logit_bias, "logit_bias")
    if completion_request.stop:
        model.require_text("stop")
    require_within_a_day(completion_request, allowance)


def _token_ids(
    caller: Caller, completion_request: CompletionRequest, model: HostedModel, now: datetime
) -> list[list[int]]:
    """Tokenize the texts among the prompts.

    They count for the rate limit whether or not they then fit, since the work is done.
    """
    longest = model.longest_prompt_bytes
    size = sum(min(size_bytes(prompt), longest) for prompt in completion_request.prompts)
    wait_seconds = count_prompt_bytes(caller.named, size, now)
    model.require_short(completion_request.prompts)
    require_within_rate(size, wait_seconds, field="prompt")
    return model.token_ids(completion_request.prompts, completion_request.max_tokens)


@transaction.atomic
def _store(
    caller: Caller,
    completion_request: CompletionRequest,
    revision: Revision,
    prompts: list[list[int]],
    allowance: Allowance,
    source: Job.Source,
    batch: Batch | None,
    now: datetime,
) -> Submitted:
    person = User.objects.select_for_update(no_key=True).get(
        pk=caller.named.pk
    )  # the quota is held under it
    prompt_tokens = sum(map(len, prompts))
    repo = revision.repo
    reserved = prompt_tokens + completion_request.most_completion_tokens
    # Asked under the lock, even if asked before: two requests at once would both have passed.
    require_within_a_day(completion_request, allowance, prompt_tokens)
    quota_use = quota_use_of(person, allowance, now)
    with headers_on_refusals(lambda: quota_use, now):
        if batch is None:
            require_room(quota_use)
        require_within_quota(quota_use, reserved, now)
    seed = (
        secrets.randbits(63) if completion_request.seed is None else completion_request.seed
    )  # a second attempt draws the same
    job = Job.objects.create(
        person=person,
        token=caller.token,
        organization_id=organization_id_of(person, now),
        has_floor=allowance.has_floor,
        repo=repo,
        revision=revision,
        source=source,
        batch=batch,
        priority=INTERACTIVE if batch is None else BATCH,
        model_name=completion_request.model,
        text_days=kept_days(repo),
        params={**completion_request.sampling, "seed": seed},
        seed_drawn=completion_request.seed is None,
        prompts=prompts,
        n=completion_request.n,
        samples=completion_request.samples,
        echo=completion_request.echo,
        stream=completion_request.stream,
        created_at=now,
        has_own_tokens=allowance.has_own_tokens,
        has_own_place=allowance.has_own_jobs,
        reserved_tokens=reserved,
        prompt_tokens=prompt_tokens,
        currency=settings.CURRENCY,
    )
    if batch is None:
        _record_submission(job, revision, now)
    log.info("Job %s is queued: %s, %s prompt tokens", job.pk, repo.full_name, prompt_tokens)
    # A hint that is lost costs time alone: the sweep wakes the workers of what waits.
    transaction.on_commit(lambda: hint_at_work(repo.full_name))
    return Submitted(job, quota_use.with_job(reserved))


def _record_submission(job: Job, revision: Revision, now: datetime) -> None:
    record(
        EventType.JOB_SUBMITTED,
        actor=job.person,
        target=job,
        at=now,
        repo=revision.repo.full_name,
        revision=revision.commit,
        prompt_tokens=job.prompt_tokens,
    )


def find_job(*, person: User | None, job_id: UUID) -> Job:
    """Find a person's own job; others' don’t exist to them. Raises JobNotFound."""
    own = Job.objects.of(person).with_names().filter(pk=job_id) if person else Job.objects.none()
    job: Job | None = own.first()
    if job is None:
        raise JobNotFound
    return job
