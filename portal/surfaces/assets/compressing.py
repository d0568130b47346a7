"""Compress pages and assets for clients that take gzip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.decorators import sync_and_async_middleware

Handler = Callable[[HttpRequest], Any]  # it returns a response, or one to await
# What people read. Models' files are sent as they are, since ranges and hashes are of their bytes,
# and streams of events piece by piece.
COMPRESSED = ("text/html", "text/css", "text/javascript", "image/svg+xml")


@sync_and_async_middleware
def compressing(get_response: Handler) -> Handler:
    """Make a middleware that compresses what people read.

    Django's own pads each page by a random length, so that lengths give no secret of it away.
    """
    gzip = GZipMiddleware(get_response)

    def compressed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.streaming or kind not in COMPRESSED:
            return response
        return gzip.process_response(request, response)

    async def wait(request: HttpRequest) -> HttpResponseBase:
        return compressed(request, await get_response(request))

    def work(request: HttpRequest) -> HttpResponseBase:
        return compressed(request, get_response(request))

    return wait if iscoroutinefunction(get_response) else work
