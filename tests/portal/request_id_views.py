"""Views that log while they answer, for ``test_request_ids``."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from portal.jobs.streaming.threads import in_pool, in_thread

log = logging.getLogger(__name__)


def plain(request: HttpRequest) -> HttpResponse:
    log.info("plain")
    return HttpResponse()


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def broken_link(request: HttpRequest, secret: str) -> HttpResponse:
    typed = request.body
    log.info("Will break: %s", request.path, extra={"query": request.META["QUERY_STRING"]})
    raise ZeroDivisionError(f"{typed[:0]!r} of wg_{secret}")


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        log.info("streaming %s", request.GET["name"])
        yield b"."

    return StreamingHttpResponse(parts())


async def followed(request: HttpRequest) -> StreamingHttpResponse:
    name = request.GET["name"]
    await in_thread(log.info)("looked up %s", name)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(3):
            await in_pool(log.info)("decoded %s", name)
            log.info("streaming %s", name)
            yield b"."
        if "broken" in request.GET:
            raise ZeroDivisionError

    return StreamingHttpResponse(parts())


urlpatterns = [
    path("plain", plain),
    path("broken", broken),
    path("references/<secret>", broken_link),
    path("streamed", streamed),
    path("followed", followed),
]
handler404 = "portal.surfaces.handlers.not_found"
handler500 = "portal.surfaces.handlers.server_error"
