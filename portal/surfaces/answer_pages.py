"""Give a page drawn in answer to a form an address of its own, so that one can go back to it.

A preview, or a form with its errors, answers POST. A browser that goes back to it would have to
send the form again; Chrome shows an error instead, and what was typed is gone. So the page is kept
for a while, and the browser is led to it: Back, Forward and Reload ask for it by GET.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import zlib
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.core.cache import cache
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.utils.deprecation import MiddlewareMixin
from redis import RedisError

from portal.surfaces.surface import Surface, surface_of

log = logging.getLogger(__name__)
PARAMETER = "answer"
KEPT_SECONDS = int(timedelta(hours=2).total_seconds())
LARGEST_BYTES = 2_000_000
SLOTS_OF_A_PERSON = 24
SLOTS_OF_ALL_OTHERS = 512  # together: nobody who isn't signed in can fill the cache
NOT_KEPT = ("set-cookie", "content-length")


class SeeOther(HttpResponseRedirect):
    """A redirect that is followed by GET."""

    status_code = HTTPStatus.SEE_OTHER


class AnswerPageMiddleware(MiddlewareMixin):
    """A middleware that leads a browser to its form's answer, and shows that answer by GET.

    The answer is shown to the same person in the same browser alone. Where it is no longer kept,
    the address shows its form anew. Without the cache the answer is given in place.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        named = _take_from_query(request)
        if not named or request.method not in ("GET", "HEAD"):
            return None
        return _kept_answer(request, named)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not isinstance(response, HttpResponse) or not _is_in_history(request, response):
            return response
        named = _keep(request, response)
        return _leading_to(request, response, named) if named else response


def _take_from_query(request: HttpRequest) -> str:
    """Return which answer is asked for, and hide that from the views: their own query is left."""
    if f"{PARAMETER}=" not in request.META.get("QUERY_STRING", ""):
        return ""
    query = QueryDict(request.META["QUERY_STRING"], mutable=True)
    named = query.pop(PARAMETER)[-1] if PARAMETER in query else ""
    request.META["QUERY_STRING"] = query.urlencode()
    request.__dict__.pop("GET", None)  # a cached property, read before perhaps
    return str(named)


def _is_in_history(request: HttpRequest, response: HttpResponse) -> bool:
    """Tell whether a browser has sent a form and will show this page as the next of its history."""
    return (
        request.method == "POST"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and surface_of(request) is Surface.PAGE
        and not response.has_header("Location")
        and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        and response.get("Content-Type", "").startswith("text/html")
        and len(response.content) <= LARGEST_BYTES
    )


def _owner(request: HttpRequest) -> str:
    """Name the person and the browser; "" where the browser has no cookie of ours."""
    browser = request.META.get("CSRF_COOKIE", "")
    named = f"{_person_id(request)} {browser}"
    return hashlib.sha256(named.encode()).hexdigest() if browser else ""


def _person_id(request: HttpRequest) -> int | None:
    user = getattr(request, "user", None)
    return user.pk if user is not None and user.is_authenticated else None


def _slot_key(person_id: int | None, slot: int) -> str:
    return f"answer:{person_id or 'others'}:{slot}"


def _keep(request: HttpRequest, response: HttpResponse) -> str:
    """Keep a page in the next slot, over the oldest; return its name, "" where none is kept."""
    owner, person_id = _owner(request), _person_id(request)
    if not owner:
        return ""
    secret = secrets.token_urlsafe(12)
    headers = [(name, text) for name, text in response.items() if name.lower() not in NOT_KEPT]
    content = zlib.compress(response.content)
    counter = _slot_key(person_id, -1)
    try:
        cache.add(counter, 0, None if person_id is None else KEPT_SECONDS)
        slots = SLOTS_OF_ALL_OTHERS if person_id is None else SLOTS_OF_A_PERSON
        slot = cache.incr(counter) % slots
        stored = (secret, owner, response.status_code, headers, content)
        cache.set(_slot_key(person_id, slot), stored, KEPT_SECONDS)
    except (RedisError, ValueError):
        log.warning("the cache is away: a form is answered in place, and Back can't lead there")
        return ""
    return f"{slot}.{secret}"


def _kept_answer(request: HttpRequest, named: str) -> HttpResponse | None:
    """Return the page kept under this name for this person and browser, if there is one."""
    slot, _, secret = named.partition(".")
    if not (slot.isdecimal() and len(slot) < 4 and secret):
        return None
    try:
        stored: Any = cache.get(_slot_key(_person_id(request), int(slot)))
    except RedisError:
        return None
    if stored is None or stored[:2] != (secret, _owner(request)):
        return None
    *_, status, headers, content = stored
    return HttpResponse(zlib.decompress(content), status=status, headers=dict(headers))


def _leading_to(request: HttpRequest, response: HttpResponse, named: str) -> HttpResponse:
    """Return a redirect to the kept page, with the cookies that its own answer set."""
    query = request.GET.copy()
    query[PARAMETER] = named
    there = f"{request.path}?{query.urlencode()}"
    redirect = SeeOther(there)
    redirect.cookies = response.cookies
    return redirect
