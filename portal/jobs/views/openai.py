"""OpenAI's HTTP: /v1/models and /v1/completions."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from portal.accounts.authentication import Caller, token_caller
from portal.catalog.models import ModelRepo
from portal.catalog.notices import licence_headers
from portal.errors import DomainError
from portal.jobs.completions import Reply, usage
from portal.jobs.errors import BadParameter, JobFailed, MissingKey
from portal.jobs.hosting import find_hosted, hosted_model, hosted_repos
from portal.jobs.models import Job
from portal.jobs.schemas import CompletionRequest, parse_completion
from portal.jobs.services import cancel_job, create_job
from portal.jobs.sse import sse_response
from portal.jobs.stream import Ended, Event, follow
from portal.jobs.terms import metadata, terms_of
from portal.jobs.threads import in_thread
from portal.parsing.json import LARGEST_BODY_BYTES, read_object

log = logging.getLogger(__name__)
CHAT_ADVICE = (
    "The models here are base models without a chat format. Send a prompt to /v1/completions."
)


def _caller(request: HttpRequest) -> Caller:
    caller = token_caller(request)
    if caller.person is None:
        raise MissingKey
    return caller


def _model_object(repo: ModelRepo) -> dict[str, Any]:
    return {
        "id": repo.full_name,
        "object": "model",
        "created": int(repo.created_at.timestamp()),
        "owned_by": repo.namespace.name,
    }


def _refuse_method(request: HttpRequest, allowed: str) -> HttpResponse | None:
    if request.method == allowed:
        return None
    message = f"{request.method} is not allowed here. Use {allowed}."
    response = _error(message, status=405, code="method_not_allowed")
    response["Allow"] = allowed
    return response


def _error(message: str, *, status: int, code: str) -> HttpResponse:
    content = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JsonResponse({"error": content}, status=status)


@csrf_exempt
def models(request: HttpRequest) -> HttpResponse:
    if refused := _refuse_method(request, "GET"):
        return refused
    repos = hosted_repos(_caller(request))
    return JsonResponse({"object": "list", "data": [_model_object(repo) for repo in repos]})


@csrf_exempt
def model(request: HttpRequest, name: str) -> HttpResponse:
    if refused := _refuse_method(request, "GET"):
        return refused
    return JsonResponse(_model_object(find_hosted(name, _caller(request))))


@csrf_exempt
def chat_completions(request: HttpRequest) -> HttpResponse:
    _caller(request)
    raise BadParameter(CHAT_ADVICE)


@csrf_exempt
def elsewhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Whatever else /v1 has at other places."""
    return _error(f"There is no /v1/{rest} here.", status=404, code="unknown_url")


@csrf_exempt
async def completions(request: HttpRequest) -> HttpResponseBase:
    if refused := _refuse_method(request, "POST"):
        return refused
    response: HttpResponseBase
    job, asked, reply, headers = await in_thread(_submit)(request)
    if asked.stream:
        response = sse_response(_chunks(job, reply, include_usage=asked.include_usage))
    else:
        response = await _whole(job, reply)
    for name, value in headers.items():
        response[name] = value
    return response


def _submit(request: HttpRequest) -> tuple[Job, CompletionRequest, Reply, dict[str, str]]:
    """The job, and what its answer is made of; outputs carry the licence's terms."""
    caller = _caller(request)
    body = request.read(LARGEST_BODY_BYTES + 1)
    asked = parse_completion(read_object(body, nul_in=("prompt",)))
    job = create_job(caller=caller, asked=asked, now=timezone.now())
    terms = terms_of(job)
    reply = Reply(job, hosted_model(job.revision), metadata(terms))
    return job, asked, reply, licence_headers(terms)


async def _whole(job: Job, reply: Reply) -> HttpResponse:
    try:
        events, ended = await _all(job)
    except asyncio.CancelledError:
        await abandon(job)
        raise
    if ended.state != Job.State.SUCCEEDED:
        raise JobFailed(ended.error or f"The job ended: {ended.state}.")
    ended_job = await _again(job)
    return JsonResponse({**reply.whole(events), "usage": usage(ended_job)})


@in_thread
def _again(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


async def _all(job: Job) -> tuple[list[Event], Ended]:
    events: list[Event] = []
    async with aclosing(follow(job.pk)) as items:
        async for item in items:
            if item.event:
                events.append(item.event)
            if item.ended:
                return events, item.ended
    raise JobFailed("The job ended without a word.")


async def _chunks(job: Job, reply: Reply, *, include_usage: bool) -> AsyncIterator[str]:
    """The stream's events; leaving it early stops the job."""
    ended: Ended | None = None
    try:
        async with aclosing(follow(job.pk)) as items:
            async for item in items:
                if item.event:
                    yield _data(reply.chunk(item.event))
                ended = item.ended
                if item.event is None and ended is None:
                    yield ": still here\n\n"
        for line in await _last_words(job, reply, ended, include_usage=include_usage):
            yield line
    finally:
        if ended is None:
            await abandon(job)


async def _last_words(
    job: Job, reply: Reply, ended: Ended | None, *, include_usage: bool
) -> list[str]:
    if ended is None or ended.state != Job.State.SUCCEEDED:
        message = ended.error if ended else "The job ended without a word."
        error = {"message": message, "type": "server_error", "param": None, "code": "job_failed"}
        return [_data({"error": error})]
    lines = []
    if include_usage:
        lines.append(_data(reply.usage_chunk(await _again(job))))
    return [*lines, "data: [DONE]\n\n"]


def _data(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, separators=(',', ':'))}\n\n"


async def abandon(job: Job) -> None:
    """The reader is gone: let the engine do something else. Survives its task's cancellation."""
    await asyncio.shield(in_thread(_cancel, thread_sensitive=False)(job))


def _cancel(job: Job) -> None:
    try:
        cancel_job(person=job.person, job_id=job.pk, now=timezone.now())
    except DomainError as error:
        log.info("Job %s was left as it is: %s", job.pk, error.message)
