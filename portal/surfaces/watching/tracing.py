"""Make a span of each request, where traces are wanted."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from portal.observability import traces
from portal.surfaces.surface import surface_of
from portal.surfaces.watching.measuring import Handler, route_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span


@sync_and_async_middleware
def tracing(get_response: Handler) -> Handler:
    """Make a middleware that works within a span, which ends where the answer begins.

    Raises MiddlewareNotUsed where no traces are wanted, so that none costs anything.
    """
    spans = traces.tracing.spans
    if spans is None:
        raise MiddlewareNotUsed
    from opentelemetry.trace import SpanKind

    async def wait(request: HttpRequest) -> HttpResponseBase:
        with spans.within(*_of(request), SpanKind.SERVER) as span:
            response: HttpResponseBase = await get_response(request)
            _describe(span, request, response)
        return response

    def work(request: HttpRequest) -> HttpResponseBase:
        with spans.within(*_of(request), SpanKind.SERVER) as span:
            response: HttpResponseBase = get_response(request)
            _describe(span, request, response)
        return response

    return wait if iscoroutinefunction(get_response) else work


def _of(request: HttpRequest) -> tuple[str, str]:
    return request.method or "", request.headers.get(traces.HEADER, "")


def _describe(span: Span, request: HttpRequest, response: HttpResponseBase) -> None:
    """Say which view answered, and how: neither path nor query, which may open something."""
    if not span.is_recording():
        return
    from portal.observability.spans import mark_failed

    route = route_of(request)
    span.update_name(f"{request.method} {route}")
    span.set_attributes(
        {
            "http.request.method": request.method or "",
            "http.route": route,
            "http.response.status_code": response.status_code,
            "weightgate.surface": surface_of(request).value,
            "weightgate.request_id": getattr(request, "http_request_id", ""),
        }
    )
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        mark_failed(span)
