"""Answer every address of an installation that isn't set up with how to begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware

from portal.accounts.first_operator import NoRights, NotSetUp, first_operator
from portal.process_commands import setup_command
from portal.surfaces.answers import answer
from portal.surfaces.surface import Surface, surface_of

Handler = Callable[[HttpRequest], Any]  # it returns a response, or one to await
# What those who run the portal look at while they set it up.
OPEN_BEFORE = ("/healthz", "/readyz", "/metrics", "/favicon.ico")


@sync_and_async_middleware
def first_run(get_response: Handler) -> Handler:
    """Make a middleware that asks nothing, and costs nothing, once there is an operator."""

    def refusal(request: HttpRequest) -> HttpResponse | None:
        if request.path_info in OPEN_BEFORE:
            return None
        try:
            first_operator.require()
        except (NotSetUp, NoRights) as error:
            return _answer(error, request)
        return None

    async def wait(request: HttpRequest) -> HttpResponseBase:
        refused = None if first_operator.exists else await sync_to_async(refusal)(request)
        return refused or await get_response(request)

    def work(request: HttpRequest) -> HttpResponseBase:
        refused = None if first_operator.exists else refusal(request)
        return refused or get_response(request)

    return wait if iscoroutinefunction(get_response) else work


def _answer(error: NotSetUp | NoRights, request: HttpRequest) -> HttpResponse:
    if surface_of(request) is not Surface.PAGE:
        return answer(error, request)
    # Without the request's context: it asks for people, and there may be no tables.
    context = {"command": setup_command(), "error": error}
    page = HttpResponse(render_to_string("errors/first_run.html", context), status=error.status)
    page["Cache-Control"] = "no-store"
    return page
