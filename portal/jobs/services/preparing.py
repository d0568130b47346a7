"""Check and tokenize a completion request, before any job is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from portal.access.errors import Refused
from portal.access.policy.policy import Action, Limits, Reason
from portal.access.policy.refusals import require_may
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo, Revision
from portal.jobs.captures.planning import CapturePlan, plan_captures
from portal.jobs.captures.rights import action_for
from portal.jobs.chat.prompting import kept_of, require_talking, with_prompt
from portal.jobs.chat.schemas import ChatRequest
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
    chat: dict[str, Any] | None = None  # as the job's row keeps it

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
    chat: ChatRequest | None = None,
) -> PreparedRequest:
    """Check and tokenize a request. Refusals tell in headers what is left.

    ``takes_place``: it will be one of the jobs that its person may have open. ``chat``: its prompt
    is what the model's template makes of this.

    Raises ModelNotFound, Refused, ModelLoading, BadParameter, QuotaExceeded.
    """
    repo = find_hosted(completion_request.model, caller)
    revision, limits = _allowed(caller, completion_request, repo, now)
    allowance = allowance_of(repo, limits)
    quota_use = cache(lambda: quota_use_of(caller.named, allowance, now))
    with headers_on_refusals(quota_use, now):
        model = within_context(hosted_model(revision), allowance.context_tokens)
        structured_by = chat.structured_by if chat else None
        require_capable(completion_request, repo, now, structured_by=structured_by)
        # The cheap refusals come first: nobody may cause megabytes to be tokenized in vain.
        _require_answerable(completion_request, model, allowance)
        if chat is not None:
            require_talking(chat, model, repo)
        sizes = [chat.size_bytes] if chat else [*map(size_bytes, completion_request.prompts)]
        if sum(sizes) > SOON_TOKENIZED_BYTES:
            if takes_place:
                require_room(quota_use())
            require_within_quota(quota_use(), completion_request.most_completion_tokens, now)
        admit_text(caller, sizes, model, "messages" if chat else "prompt", now)
        if chat is not None:
            completion_request = with_prompt(chat, completion_request, model)
            require_within_a_day(completion_request, allowance)
        prompts = model.token_ids(completion_request.prompts, completion_request.max_tokens)
        plan = plan_captures(completion_request, [*map(len, prompts)], caller, revision, now)
    row = kept_of(chat, repo) if chat else None
    return PreparedRequest(completion_request, caller, revision, allowance, prompts, plan, row)


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


def admit_text(
    caller: Caller, sizes: Sequence[int], model: HostedModel, field: str, now: datetime
) -> None:
    """Count texts of so many bytes before they are tokenized, and refuse what is too much.

    They count for the rate limit whether or not they then fit, since the work is done. Raises
    ContextLengthExceeded, BadParameter, QuotaExceeded.
    """
    longest = model.longest_prompt_bytes
    counted = sum(min(size, longest) for size in sizes)
    wait_seconds = count_prompt_bytes(caller.named, counted, now)
    model.require_short(max(sizes), field)
    require_within_rate(counted, wait_seconds, field=field)
