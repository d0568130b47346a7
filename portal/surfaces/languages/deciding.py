"""Decide in which language a request is answered: in one, as a whole.

Pages for researchers and the public are in the reader's language: the one they chose for their
account, else this browser's cookie, else what the browser asks for. Everything else is in English:
what programs read, and the pages of those who work the gate, the lab or the site.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils import translation

from portal.surfaces.surface import Surface, surface_of
from portal.text.languages import ENGLISH, is_offered

# The packages whose pages are in English: those of a lab's team, of reviewers, operators and
# auditors, and what is no page: files, and what is asked for by programs.
ENGLISH_PACKAGES = (
    "django.contrib.admin",
    "django.views.generic.base",
    "portal.access.gate",
    "portal.access.grants.checks",
    "portal.access.grants.quotas",
    "portal.access.grants.views.team",
    "portal.access.holds",
    "portal.access.notifications",
    "portal.access.people",
    "portal.access.review",
    "portal.jobs.accounting",
    "portal.jobs.disclosure",
    "portal.jobs.views.serving",
    "portal.site.labs",
    "portal.site.operations",
    "portal.site.operators",
    "portal.site.views.archives",
    "portal.site.views.checks",
    "portal.site.views.operations",
    "portal.site.views.upload",
    "portal.site.views.usage",
    "portal.surfaces",
)

# Files for programs beside those pages, in the packages of pages.
FILES = frozenset(
    (
        *("favicon", "healthz", "metrics", "readyz", "robots", "stylesheet"),
        *("site:known_key", "site:licence_text", "site:manifest_key", "site:record_heads"),
        *("site:transparency_csv", "site:transparency_json", "site:usage_csv"),
    )
)


def language_of_answer(request: HttpRequest) -> str:
    """Return the language of the answer; note on the request whether its reader may choose it."""
    is_for_reader = is_translated(request)
    request.offers_languages = is_for_reader  # type: ignore[attr-defined]
    return _language_of_reader(request) if is_for_reader else ENGLISH


def is_translated(request: HttpRequest) -> bool:
    """Tell whether the address is one of a page for researchers or the public."""
    if surface_of(request) is not Surface.PAGE:
        return False
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return True  # the page that says so is for everybody
    module = match.func.__module__
    return match.view_name not in FILES and not any(
        module == name or module.startswith(f"{name}.") for name in ENGLISH_PACKAGES
    )


def _language_of_reader(request: HttpRequest) -> str:
    chosen: str = getattr(request.user, "language", "")
    return chosen if is_offered(chosen) else translation.get_language_from_request(request)
