"""Count each request and its time, by route, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from portal.observability import metrics
from portal.surfaces.surface import surface_of

Handler = Callable[[HttpRequest], Any]  # it returns a response, or one to await
NO_ROUTE, STATIC = "none", "static"


@sync_and_async_middleware
def measuring(get_response: Handler) -> Handler:
    """Make a middleware that measures the time until an answer begins.

    What follows of a stream, or of a file, says nothing about the portal's speed.
    """

    async def wait(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        with metrics.http_in_flight.track_inprogress():
            response: HttpResponseBase = await get_response(request)
        _count(request, response, time.perf_counter() - began)
        return response

    def work(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        with metrics.http_in_flight.track_inprogress():
            response: HttpResponseBase = get_response(request)
        _count(request, response, time.perf_counter() - began)
        return response

    return wait if iscoroutinefunction(get_response) else work


def route_of(request: HttpRequest) -> str:
    """Return the name of the view that a request led to: there are as many as the portal has."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name or NO_ROUTE
    return STATIC if request.path_info.startswith(settings.STATIC_URL) else NO_ROUTE


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    surface, route = surface_of(request).value, route_of(request)
    metrics.http_requests.labels(surface, route, response.status_code).inc()
    metrics.http_duration.labels(surface, route).observe(seconds)
    if reason := getattr(response, "refusal_code", ""):
        metrics.refusals.labels(surface, reason).inc()
