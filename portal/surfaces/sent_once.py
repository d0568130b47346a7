"""Do the work of a form once, however often a double click or a reload sends it."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.deprecation import MiddlewareMixin
from redis import RedisError

from portal.forms.pages import page_of
from portal.surfaces.surface import Surface, surface_of

log = logging.getLogger(__name__)
SAME_SECONDS = 60  # a form sent again later than this is meant to be
_UNDER_WAY = ""


class SentOnceMiddleware(MiddlewareMixin):
    """A middleware that answers a form's second sending as its first, doing no work again.

    Django masks its token anew for each page that it draws, so the token and the fields together
    name one sending of one drawn form. Only what redirects has done something; an error may be sent
    again. Without the cache nothing is remembered, and every sending counts.
    """

    def process_view(
        self, request: HttpRequest, view: object, args: object, names: object
    ) -> HttpResponse | None:
        key = _key_of(request)
        if key is None or _is_first(key):
            request.sent_key = key  # type: ignore[attr-defined]
            return None
        return HttpResponseRedirect(_answer_to(key) or page_of(request, request.path))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        key = getattr(request, "sent_key", None)
        if key is not None:
            _remember(key, response.headers.get("Location"))
        return response


def _key_of(request: HttpRequest) -> str | None:
    """Name this sending of this form; None for what no page of ours drew for this person."""
    if request.method != "POST" or surface_of(request) is not Surface.PAGE:
        return None  # only its own view may read a program's body, up to that view's limit
    token = request.POST.get("csrfmiddlewaretoken")
    if not (token and request.user.is_authenticated) or getattr(request, "htmx", False):
        return None
    fields: Any = sorted((name, request.POST.getlist(name)) for name in request.POST)
    named = repr((request.user.pk, request.get_full_path(), fields))
    return f"sent:{hashlib.sha256(named.encode()).hexdigest()}"


def _is_first(key: str) -> bool:
    try:
        return bool(cache.add(key, _UNDER_WAY, SAME_SECONDS))
    except RedisError:
        log.warning("the cache is away: a form sent twice does its work twice")
        return True


def _answer_to(key: str) -> str:
    return str(cache.get(key) or _UNDER_WAY)


def _remember(key: str, location: str | None) -> None:
    try:
        if location is None:
            cache.delete(key)
        else:
            cache.set(key, location, SAME_SECONDS)
    except RedisError:
        log.warning("the cache is away: a form sent twice does its work twice")
