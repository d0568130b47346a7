"""Serve OpenAI's HTTP API: /v1/models and /v1/completions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo
from portal.catalog.notices import licence_headers
from portal.errors import DomainError
from portal.jobs.captures.dry_run import dry_run
from portal.jobs.errors import JobFailed, JobStopped
from portal.jobs.hosting import find_hosted, hosted_model, hosted_repos
from portal.jobs.models import Job
from portal.jobs.openai.completions import Reply, encoded
from portal.jobs.openai.schemas import CompletionRequest, parse_completion
from portal.jobs.services import submit
from portal.jobs.services.forgetting import forget_delivered, kept_days
from portal.jobs.services.submission import Submitted
from portal.jobs.serving.describing import served_by
from portal.jobs.serving.places import JobProgress, place_when_made
from portal.jobs.serving.servers import ModelServer, live_servers
from portal.jobs.streaming.attendance import Attendance, attendance_at
from portal.jobs.streaming.event_log import JobEnd, LogItem
from portal.jobs.streaming.following import follow, until_ended
from portal.jobs.streaming.sse import sse_response
from portal.jobs.streaming.threads import in_pool, in_thread
from portal.jobs.terms import metadata, terms_of
from portal.jobs.views.requests import body_object, caller_of, error_answer, refuse_method
from portal.surfaces.openai import openai_body


def _model_object(repo: ModelRepo, servers: Sequence[ModelServer]) -> dict[str, Any]:
    return {
        "id": repo.full_name,
        "object": "model",
        "created": int(repo.created_at.timestamp()),
        "owned_by": repo.namespace.name,
        "x_weightgate": {
            "prompt_days": kept_days(repo),
            **served_by(repo, timezone.now(), servers),
        },
    }


@csrf_exempt
def models(request: HttpRequest) -> HttpResponse:
    if refused := refuse_method(request, "GET"):
        return refused
    repos = hosted_repos(caller_of(request))
    servers = live_servers(timezone.now())
    data = [_model_object(repo, servers) for repo in repos]
    return JsonResponse({"object": "list", "data": data})


@csrf_exempt
def model(request: HttpRequest, name: str) -> HttpResponse:
    if refused := refuse_method(request, "GET"):
        return refused
    repo = find_hosted(name, caller_of(request))
    return JsonResponse(_model_object(repo, live_servers(timezone.now())))


@csrf_exempt
def elsewhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer 404 in OpenAI's form for whatever else /v1 has at other places."""
    return error_answer(f"There is no /v1/{rest} here.", status=404, code="unknown_url")


@csrf_exempt
async def completions(request: HttpRequest) -> HttpResponseBase:
    if refused := refuse_method(request, "POST"):
        return refused
    caller, completion_request = await in_thread(_read)(request)
    if completion_request.dry_run:
        return JsonResponse(await in_thread(_plan)(caller, completion_request))
    attendance = attendance_at(request)
    return await answered(
        await in_thread(_submit)(caller, completion_request, attendance), attendance
    )


@dataclass(frozen=True)
class Taken:
    """A request that was taken: its job, what writes its answer, and the answer's headers."""

    job: Job
    reply: Reply
    headers: dict[str, str]
    include_usage: bool


async def answered(taken: Taken, attendance: Attendance) -> HttpResponseBase:
    """Answer with the job's result, at its end or as it comes."""
    response: HttpResponseBase
    job = taken.job
    if job.stream:
        chunks = Chunks(job, taken.reply, include_usage=taken.include_usage)
        response = sse_response(_chunks(job, chunks, attendance))
        # Of a stream that nobody began to read, the generator's end is never reached.
        response._resource_closers.append(attendance.leave)  # type: ignore[attr-defined]
    else:
        try:
            response = await _whole(job, taken.reply, attendance)
        except DomainError as error:
            error.headers |= taken.headers
            raise
    for name, value in taken.headers.items():
        response[name] = value
    return response


def _read(request: HttpRequest) -> tuple[Caller, CompletionRequest]:
    """Return who asks, and for what."""
    caller = caller_of(request)
    return caller, parse_completion(body_object(request, nul_in=("prompt",)))


def _plan(caller: Caller, completion_request: CompletionRequest) -> dict[str, Any]:
    return dry_run(caller=caller, completion_request=completion_request, now=timezone.now())


def _submit(caller: Caller, completion_request: CompletionRequest, attendance: Attendance) -> Taken:
    """Make the job, and what writes its answer."""
    now = timezone.now()
    submitted = submit(caller=caller, completion_request=completion_request, now=now)
    return taken(submitted, completion_request, attendance, Reply, now)


def taken(
    submitted: Submitted,
    completion_request: CompletionRequest,
    attendance: Attendance,
    form: type[Reply],
    now: datetime,
) -> Taken:
    """Attend to a job that was made. Its answer, in this form, carries the licence's terms."""
    attendance.begin(submitted.job)
    job, terms = submitted.job, terms_of(submitted.job)
    place = place_when_made(job, now)
    headers = {
        **licence_headers(terms),
        **submitted.headers(now),
        **(place.headers if place else {}),
    }
    reply = form(job, hosted_model(job.revision), metadata(terms))
    return Taken(job, reply, headers, completion_request.include_usage)


async def _whole(job: Job, reply: Reply, attendance: Attendance) -> HttpResponse:
    try:
        await until_ended(job.pk)
    except asyncio.CancelledError:
        await _leave(attendance)
        raise
    attendance.complete()
    try:
        return await in_pool(_answer)(job, reply)
    finally:
        await _forget(job)


def _answer(job: Job, reply: Reply) -> HttpResponse:
    job = Job.objects.get(pk=job.pk)
    if failure := failure_of(job.state, job.error):
        raise failure
    return HttpResponse(reply.whole(job), content_type="application/json")


def failure_of(state: str, error: str) -> JobFailed | None:
    """Return the error that a job’s end is; None where it has an answer."""
    if state == Job.State.SUCCEEDED:
        return None
    kind = JobStopped if state == Job.State.CANCELLED else JobFailed
    return kind(error or f"The job ended: {state}.")


async def _forget(job: Job) -> None:
    """Forget the texts of a job whose answer was handed over, if its model's are kept no day."""
    if job.text_days == 0:
        await asyncio.shield(in_pool(forget_delivered)(job))


async def _leave(attendance: Attendance) -> None:
    """Cancel the job, shielded, since the task that calls this is being cancelled itself."""
    await asyncio.shield(in_pool(attendance.leave)())


async def _chunks(job: Job, chunks: Chunks, attendance: Attendance) -> AsyncIterator[str]:
    """Yield the stream's events. A client that leaves early stops the job."""
    try:
        async with aclosing(follow(job.pk, chunks.render)) as lines:
            async for line in lines:
                yield line
    finally:
        if chunks.ended:
            attendance.complete()
            await _forget(job)
        else:
            await _leave(attendance)


class Chunks:
    """A writer of a job's items as OpenAI's server-sent events."""

    def __init__(self, job: Job, reply: Reply, *, include_usage: bool) -> None:
        self.ended = False
        self._job = job
        self._reply = reply
        self._include_usage = include_usage

    def render(self, item: LogItem) -> str:
        """Return the item as lines; after the end, those that close the stream."""
        if item.event:
            chunk = self._reply.chunk(item.event)
            return _data(chunk) if chunk else ""
        if item.ended is None:
            return _comment(item.progress)
        self.ended = True
        return self._end(item.ended)

    def _end(self, ended: JobEnd) -> str:
        if failure := failure_of(ended.state, ended.error):
            _, body = openai_body(failure)
            return _data(body)
        chunk = None
        if self._include_usage or self._job.reserved_capture_bytes:
            job = Job.objects.get(pk=self._job.pk)
            chunk = self._reply.last_chunk(job, include_usage=self._include_usage)
        return f"{_data(chunk) if chunk else ''}data: [DONE]\n\n"


def _comment(progress: JobProgress | None) -> str:
    """Return a line that clients skip, with the job's place while it waits for its turn."""
    words = progress.in_words if progress and progress.waits else "still here"
    return f": {words}\n\n"


def _data(content: dict[str, Any]) -> str:
    return f"data: {encoded(content)}\n\n"
