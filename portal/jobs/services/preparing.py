"""Check and tokenize a completion request, before any job is made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from portal.access.errors import Refused
from portal.access.policy.policy import Action, Limits, Reason
from portal.access.policy.refusals import require_may
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo, Revision
from portal.jobs.captures.planning import CapturePlan, plan_captures
from portal.jobs.captures.rights import action_for
from portal.jobs.errors import ModelLoading
from portal.jobs.hosting import (
    HostedModel,
    find_hosted,
    hosted_model,
    served_revision,
    size_bytes,
    within_context,
)
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.quota import Allowance, allowance_of, quota_use_of
from portal.jobs.rate_limit import count_prompt_bytes, require_within_rate
from portal.jobs.rate_limit_headers import headers_on_refusals
from portal.jobs.services.quota_checks import (
    require_room,
    require_within_a_day,
    require_within_quota,
)
from portal.jobs.serving.describing import require_capable

Complete = Callable[[CompletionRequest, HostedModel], CompletionRequest]
# To tokenize so much takes no longer than to ask what is left of a quota.
SOON_TOKENIZED_BYTES = 4096


@dataclass(frozen=True)
class PreparedRequest:
    """A request that its person may make of this revision, with its prompts as token ids."""

    completion: CompletionRequest
    caller: Caller
    revision: Revision
    allowance: Allowance
    prompts: list[list[int]]
    plan: CapturePlan

    @property
    def prompt_tokens(self) -> int:
        return sum(map(len, self.prompts))

    @property
    def most_tokens(self) -> int:
        return self.prompt_tokens + self.completion.most_completion_tokens


def prepare(
    caller: Caller,
    completion_request: CompletionRequest,
    now: datetime,
    *,
    takes_place: bool,
    complete: Complete | None = None,
) -> PreparedRequest:
    """Check and tokenize a request. Refusals tell in headers what is left.

    ``takes_place``: it will be one of the jobs that its person may have open. ``complete``: writes
    into the request what only its model tells, such as a chat's prompt.

    Raises ModelNotFound, Refused, ModelLoading, BadParameter, QuotaExceeded.
    """
    repo = find_hosted(completion_request.model, caller)
    revision, limits = _allowed(caller, completion_request, repo, now)
    allowance = allowance_of(repo, limits)
    quota_use = cache(lambda: quota_use_of(caller.named, allowance, now))
    with headers_on_refusals(quota_use, now):
        model = within_context(hosted_model(revision), allowance.context_tokens)
        require_capable(completion_request, repo, now)
        # The cheap refusals come first: nobody may cause megabytes to be tokenized in vain.
        _require_answerable(completion_request, model, allowance)
        if sum(map(size_bytes, completion_request.prompts)) > SOON_TOKENIZED_BYTES:
            if takes_place:
                require_room(quota_use())
            require_within_quota(quota_use(), completion_request.most_completion_tokens, now)
        if complete is not None:
            completion_request = complete(completion_request, model)
            require_within_a_day(completion_request, allowance)
        prompts = _token_ids(caller, completion_request, model, now)
        plan = plan_captures(completion_request, [*map(len, prompts)], caller, revision, now)
    return PreparedRequest(completion_request, caller, revision, allowance, prompts, plan)


def _allowed(
    caller: Caller, completion_request: CompletionRequest, repo: ModelRepo, now: datetime
) -> tuple[Revision, Limits]:
    """Return the revision that answers, and the person's limits.

    A refusal comes before ModelLoading: nobody without access is told to try again later.
    """
    scored, inside = completion_request.scored_fields, completion_request.inside_fields
    action = action_for(is_scored=bool(scored), looks_inside=bool(inside))
    try:
        revision = served_revision(repo, now)
    except ModelLoading:
        require_may(caller, action, repo, now)
        raise
    try:
        return revision, require_may(caller, action, revision, now).limits
    except Refused as refused:
        if action != Action.INFER and refused.refusal.reason == Reason.CONDITION:
            refused.field = (inside or scored)[0]
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
