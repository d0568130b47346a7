"""Hold a request to its person's quota: 429 where waiting helps, 400 where it never would."""

from __future__ import annotations

from datetime import datetime

from portal.formatting import counted, seconds_to_midnight
from portal.jobs.errors import BadParameter, QuotaExceeded
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.quota import OPEN_JOBS_RETRY_SECONDS, Allowance, Quota, QuotaUse


def require_room(quota_use: QuotaUse) -> None:
    """Refuse one more job than a person may have open. Raises QuotaExceeded."""
    if quota_use.jobs_left:
        return
    allowance = quota_use.allowance
    of_model = f" of {allowance.repo.full_name}" if allowance.has_own_jobs else ""
    raise QuotaExceeded(
        f"You have {counted(allowance.concurrent_jobs, 'job')}{of_model} open, the most at one "
        "time. Wait for one to end, or stop one.",
        retry_after_seconds=OPEN_JOBS_RETRY_SECONDS,
    )


def require_within_a_day(
    completion_request: CompletionRequest, allowance: Allowance, prompt_tokens: int = 0
) -> None:
    """Refuse what no day's quota is enough for. Raises BadParameter, naming what to lower."""
    most = allowance.most_tokens
    wanted = prompt_tokens + completion_request.most_completion_tokens
    if wanted <= most:
        return
    field = _too_much(completion_request, prompt_tokens, most)
    advice = _advice(completion_request, field)
    while_waiting = " while your request is in review" if most == allowance.waiting_tokens else ""
    whose = f"a day’s{while_waiting}"
    raise BadParameter(
        f"This may take {wanted:,} tokens, and {most:,} are all of {whose}. {advice}", field=field
    )


def _too_much(completion_request: CompletionRequest, prompt_tokens: int, most: int) -> str:
    """Name the field without whose change nothing else would do."""
    if prompt_tokens + completion_request.samples * min(completion_request.max_tokens, 1) <= most:
        return "max_tokens"
    if completion_request.samples == len(completion_request.prompts) or prompt_tokens > most:
        return "prompt"
    return _drawn(completion_request)


def _drawn(completion_request: CompletionRequest) -> str:
    """Name the field that says how many samples are drawn for a prompt."""
    return "best_of" if completion_request.best_of > completion_request.n else "n"


def _advice(completion_request: CompletionRequest, field: str) -> str:
    if field == "prompt":
        return "Send fewer prompts or shorter ones."
    if field == "max_tokens" and completion_request.best_of > 1:
        return f"Lower max_tokens or {_drawn(completion_request)}."
    return f"Lower {field}."


def require_within_quota(quota_use: QuotaUse, wanted: int, now: datetime) -> None:
    """Refuse more tokens than are left today. Raises QuotaExceeded, which says until when."""
    if wanted > quota_use.today.left:
        raise QuotaExceeded(
            f"{_spent(quota_use.today, wanted)} More from 00:00 UTC.",
            retry_after_seconds=seconds_to_midnight(now),
        )


def _spent(today: Quota, wanted: int) -> str:
    if today.waiting:
        return (
            f"This may take {wanted:,} tokens, and {today.used:,} of {today.limit:,} tokens a "
            "day while your request is in review are used."
        )
    of_model = f" of {today.model}" if today.model else ""
    if today.left == 0:
        return f"You’ve used today’s {today.limit:,} tokens{of_model}."
    is_left = "is" if today.left == 1 else "are"
    return f"This may take {wanted:,} tokens, and {today.left:,} {is_left} left today{of_model}."
