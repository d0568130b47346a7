"""Write numbers of tokens, jobs and the like with their nouns, in the reader's language."""

from __future__ import annotations

from django.utils.translation import ngettext

from portal.formatting import thousands


def tokens_in_words(count: int) -> str:
    return ngettext("%(count)s token", "%(count)s tokens", count) % {"count": thousands(count)}


def jobs_in_words(count: int) -> str:
    return ngettext("%(count)s job", "%(count)s jobs", count) % {"count": thousands(count)}


def days_in_words(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count) % {"count": thousands(count)}


def minutes_in_words(count: int) -> str:
    return ngettext("%(count)s minute", "%(count)s minutes", count) % {"count": thousands(count)}
