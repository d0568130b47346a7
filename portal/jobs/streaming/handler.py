"""Handle requests to /v1 by ASGI with few changes of thread."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpResponseBase

from portal.jobs.streaming.attendance import attendance_at
from portal.jobs.streaming.threads import in_pool

PREFIX = "/v1/"


class Handler(ASGIHandler):
    """Django's handler, which runs what surrounds a view of /v1 in one go, in the request's thread.

    Django's own way from the loop to that thread and back, once for each step of each middleware,
    is thirty ways for a request, and each takes longer than most of the steps. Of a view that is
    asynchronous the body runs in the loop here too, and so does what it streams.
    """

    def __init__(self) -> None:
        super().__init__()
        self._in_one_go = BaseHandler()
        self._in_one_go.load_middleware()

    async def get_response_async(self, request: ASGIRequest) -> HttpResponseBase:  # type: ignore[override]
        if not request.path_info.startswith(PREFIX):
            return await super().get_response_async(request)
        work: Any = sync_to_async(self._in_one_go.get_response, thread_sensitive=True)
        attendance = attendance_at(request)
        try:
            response: HttpResponseBase = await work(request)
        except asyncio.CancelledError:
            # The thread goes on by itself, and may make the job only after this.
            await asyncio.shield(in_pool(attendance.leave)())
            raise
        return response
