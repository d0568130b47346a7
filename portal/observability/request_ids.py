"""The id that each answer shows, as X-Request-Id and on error pages, bound to the log.

In code it is ``http_request_id``: ``request_id`` is everywhere the key of an AccessRequest. In the
log's output it is ``request_id``, which is what people search for.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from structlog.contextvars import bind_contextvars, bound_contextvars, get_contextvars

LENGTH = 16
IN_SCOPE = "weightgate.http_request_id"
Application = Callable[[Any, Any, Any], Awaitable[None]]


def http_request_id() -> str:
    """Return the id of the HTTP request that this code works for; "" outside of one."""
    return str(get_contextvars().get("http_request_id", ""))


def bind_http_request_id(request_id: str) -> None:
    """Mark what this thread or task logs from now on; "" marks it as nobody's."""
    bind_contextvars(http_request_id=request_id)


def bound_to(request_id: str) -> AbstractContextManager[None]:
    """Mark what is logged within the block, as a worker does that took up a row."""
    return bound_contextvars(http_request_id=request_id)


def _new_id() -> str:
    return uuid.uuid4().hex[:LENGTH]


class RequestIdMiddleware(MiddlewareMixin):
    """A middleware that names each answer, so that a person can quote it and the log be searched.

    A client's own X-Request-Id is passed over: ids in the log can't be chosen from outside. The
    binding isn't undone, since servers log a stream that breaks after they have closed it; the
    thread's next request brings its own.
    """

    def process_request(self, request: HttpRequest) -> None:
        scope = getattr(request, "scope", {})
        request.http_request_id = scope.get(IN_SCOPE) or _new_id()  # type: ignore[attr-defined]
        bind_http_request_id(request.http_request_id)  # type: ignore[attr-defined]

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response["X-Request-Id"] = request.http_request_id  # type: ignore[attr-defined]
        return response


class BoundRequests:
    """An ASGI application that binds the id in the server's own task.

    Django answers in a task of its own, whose context ends with it. What goes wrong in a stream is
    logged by the server, and uploads are read before Django.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, IN_SCOPE: _new_id()}
            bind_http_request_id(scope[IN_SCOPE])
        await self.application(scope, receive, send)
