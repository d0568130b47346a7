"""Serve POST /v1/chat/completions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal.jobs.chat.answers import ChatReply
from portal.jobs.chat.endpoints import NUL_IN
from portal.jobs.chat.schemas import parse_chat
from portal.jobs.services import submit
from portal.jobs.streaming.attendance import Attendance, attendance_at
from portal.jobs.streaming.threads import in_thread
from portal.jobs.views.openai import Taken, answered, taken
from portal.jobs.views.requests import body_object, caller_of, refuse_method


@csrf_exempt
async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    if refused := refuse_method(request, "POST"):
        return refused
    attendance = attendance_at(request)
    return await answered(await in_thread(_submit)(request, attendance), attendance)


def _submit(request: HttpRequest, attendance: Attendance) -> Taken:
    """Make the job of a chat, and what writes its answer."""
    caller, now = caller_of(request), timezone.now()
    chat, completion_request = parse_chat(body_object(request, nul_in=NUL_IN))
    submitted = submit(
        caller=caller,
        completion_request=completion_request,
        now=now,
        chat=chat,
    )
    return taken(submitted, completion_request, attendance, ChatReply, now)
