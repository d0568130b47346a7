"""Let search engines index what is public for good, and nothing else."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from portal.accounts.names import reserved_words

INDEXED = frozenset(
    {
        "site:home",
        "site:model",
        "site:namespace",
        "site:collection",
        "site:licence",
        "site:licence_changes",
        "site:licence_text",
        "site:record",
        "site:transparency",
        "robots",
    }
)
# First segments of addresses that crawlers may ask for: the pages above, and what they draw with.
OPEN = frozenset(
    {
        *("collections", "favicon.ico", "licences", "record", "robots.txt"),
        *("transparency", "transparency.csv", "transparency.json"),
    }
)
PARTS_OF_MODELS = ("raw", "resolve", "picture", "settings", "upload", "verify")
PLAIN = re.compile(r"[\w.-]+")
FRESH_SECONDS = 86_400


class IndexingMiddleware(MiddlewareMixin):
    """A middleware that asks search engines to leave out whatever isn't public for good."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        match = request.resolver_match
        is_indexed = (
            match is not None
            and match.view_name in INDEXED
            and response.status_code < HTTPStatus.BAD_REQUEST
            and settings.SESSION_COOKIE_NAME not in request.COOKIES
        )
        if not is_indexed:
            response.headers.setdefault("X-Robots-Tag", "noindex")
        return response


@require_safe
@cache_control(public=True, max_age=FRESH_SECONDS)
def robots(request: HttpRequest) -> HttpResponse:
    """Serve what crawlers may ask for; a namespace that begins like a closed address is open."""
    closed = sorted(word for word in reserved_words() - OPEN if PLAIN.fullmatch(word))
    lines = ["User-agent: *", "Allow: /"]
    for word in closed:
        lines += [f"Disallow: /{word}$", f"Disallow: /{word}/"]
    lines += [f"Disallow: /*/*/{part}" for part in PARTS_OF_MODELS]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
