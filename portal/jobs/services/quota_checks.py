"""Hold a request to its person's quota: 429 where waiting helps, 400 where it never would."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formatting import seconds_to_midnight, thousands
from portal.jobs.errors import BadParameter, QuotaExceeded
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.quota import OPEN_JOBS_RETRY_SECONDS, Allowance, Quota, QuotaUse
from portal.jobs.words import jobs_in_words


def require_room(quota_use: QuotaUse) -> None:
    """Refuse one more job than a person may have open. Raises QuotaExceeded."""
    if quota_use.jobs_left:
        return
    allowance = quota_use.allowance
    if allowance.has_own_jobs:
        text = _(
            "You have %(jobs)s of %(model)s open, the most at one time. Wait for one to end, or "
            "stop one."
        )
    else:
        text = _("You have %(jobs)s open, the most at one time. Wait for one to end, or stop one.")
    words = {
        "jobs": jobs_in_words(allowance.concurrent_jobs),
        "model": allowance.repo.full_name,
    }
    raise QuotaExceeded(text % words, retry_after_seconds=OPEN_JOBS_RETRY_SECONDS)


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
    if most == allowance.waiting_tokens:
        text = _(
            "This may take %(wanted)s tokens, and %(most)s are all of a day’s while your request "
            "is in review."
        )
    else:
        text = _("This may take %(wanted)s tokens, and %(most)s are all of a day’s.")
    said = text % {"wanted": thousands(wanted), "most": thousands(most)}
    raise BadParameter(f"{said} {advice}", field=field)


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
        return _("Send fewer prompts or shorter ones.")
    if field == "max_tokens" and completion_request.best_of > 1:
        return _("Lower max_tokens or %(field)s.") % {"field": _drawn(completion_request)}
    return _("Lower %(field)s.") % {"field": field}


def require_within_quota(quota_use: QuotaUse, wanted: int, now: datetime) -> None:
    """Refuse more tokens than are left today. Raises QuotaExceeded, which says until when."""
    if wanted > quota_use.today.left:
        raise QuotaExceeded(
            f"{_spent(quota_use.today, wanted)} {_('More from 00:00 UTC.')}",
            retry_after_seconds=seconds_to_midnight(now),
        )


def _spent(today: Quota, wanted: int) -> str:
    if today.waiting:
        text = _(
            "This may take %(wanted)s tokens, and %(used)s of %(limit)s tokens a day while your "
            "request is in review are used."
        )
    elif today.left == 0 and today.model:
        text = _("You’ve used today’s %(limit)s tokens of %(model)s.")
    elif today.left == 0:
        text = _("You’ve used today’s %(limit)s tokens.")
    elif today.model:
        text = ngettext(
            "This may take %(wanted)s tokens, and %(left)s is left today of %(model)s.",
            "This may take %(wanted)s tokens, and %(left)s are left today of %(model)s.",
            today.left,
        )
    else:
        text = ngettext(
            "This may take %(wanted)s tokens, and %(left)s is left today.",
            "This may take %(wanted)s tokens, and %(left)s are left today.",
            today.left,
        )
    return text % {
        "wanted": thousands(wanted),
        "used": thousands(today.used),
        "left": thousands(today.left),
        "limit": thousands(today.limit),
        "model": today.model,
    }
