"""Say for how long prompts and outputs are kept, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from portal.catalog.models import ModelRepo
from portal.jobs.services.forgetting import TO_BE_FETCHED, kept_days
from portal.jobs.words import days_in_words, minutes_in_words


def keeping(repos: Sequence[ModelRepo]) -> str:
    """Return a sentence about these models; "" without any."""
    spans = {repo.full_name: _span(kept_days(repo)) for repo in repos}
    if not spans:
        return ""
    if len(set(spans.values())) == 1:
        [span] = set(spans.values())
        text = _("Prompts and outputs are kept for %(span)s after a job’s end, then forgotten.")
        return text % {"span": span}
    listed = "; ".join(f"{name}, {span}" for name, span in spans.items())
    text = _("Prompts and outputs are kept after a job’s end, then forgotten: %(listed)s.")
    return text % {"listed": listed}


def _span(days: int) -> str:
    minutes = int(TO_BE_FETCHED.total_seconds() // 60)
    return days_in_words(days) if days else minutes_in_words(minutes)
