"""Answer each request in its language, and say so to browsers and caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware

from portal.surfaces.languages.deciding import language_of_answer
from portal.surfaces.surface import Surface, surface_of
from portal.text.languages import ENGLISH

Handler = Callable[[HttpRequest], Any]  # it returns a response, or one to await
# The headers by which a page's language is chosen; the account's is behind a cookie as well.
CHOSEN_BY = ("Accept-Language", "Cookie")


@sync_and_async_middleware
def speaking(get_response: Handler) -> Handler:
    """Make a middleware that activates the language of each request while it is answered.

    A stream is written after this has returned, so it leaves its language active; whatever comes
    next in the same thread activates its own.
    """

    async def wait(request: HttpRequest) -> HttpResponseBase:
        if surface_of(request) is Surface.PAGE:
            language = await sync_to_async(language_of_answer)(request)
        else:
            language = ENGLISH
        before = translation.get_language()
        translation.activate(language)
        return _finished(request, await get_response(request), before)

    def work(request: HttpRequest) -> HttpResponseBase:
        before = translation.get_language()
        translation.activate(language_of_answer(request))
        return _finished(request, get_response(request), before)

    return wait if iscoroutinefunction(get_response) else work


def _finished(
    request: HttpRequest, response: HttpResponseBase, before: str | None
) -> HttpResponseBase:
    if response.get("Content-Type", "").startswith("text/html"):
        response.headers.setdefault("Content-Language", translation.get_language() or ENGLISH)
        if getattr(request, "offers_languages", False):
            patch_vary_headers(response, CHOSEN_BY)
    if not response.streaming:
        translation.activate(before or ENGLISH)
    return response
