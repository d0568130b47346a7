"""The playground, and the list of one's jobs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.policy import Action, may
from portal.access.refusals import describe
from portal.accounts.authentication import Caller, session_caller
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.jobs.accounting import allowance
from portal.jobs.errors import BadParameter, JobHasEnded, JobNotFound, ModelLoading, QuotaExceeded
from portal.jobs.forms import PlaygroundForm, initial_from
from portal.jobs.hosting import HostedModel, hosted_model, hosted_repos
from portal.jobs.models import Job
from portal.jobs.presenting import ending, figures, snippets, words
from portal.jobs.services import cancel_job, create_job, find_job
from portal.jobs.sse import sse_response
from portal.jobs.stream import START, Item, follow, so_far
from portal.jobs.terms import notice, terms_of
from portal.jobs.threads import in_thread
from portal.pages import posted_from

PAGE_SIZE = 25


@require_http_methods(["GET", "HEAD", "POST"])
def playground(request: HttpRequest) -> HttpResponse:
    person = session_caller(request).person
    usable = _usable(person)
    if person is None or not usable:
        return _nothing_to_play_with(request, person)
    names = [repo.full_name for repo in usable]
    if request.method != "POST":
        form = PlaygroundForm(models=names, initial={"model": request.GET.get("model", names[0])})
        return _page(request, person, form)
    form = PlaygroundForm(request.POST, models=names)
    if form.is_valid() and (job := _submit(request, form)):
        return redirect("jobs:job", job.pk)
    return _page(request, person, form, status=422)


def _submit(request: HttpRequest, form: PlaygroundForm) -> Job | None:
    """The job; None where the form now says why not."""
    try:
        return create_job(
            caller=session_caller(request),
            asked=form.cleaned_data["asked"],
            now=timezone.now(),
            source=Job.Source.PLAYGROUND,
        )
    except (BadParameter, ModelLoading, QuotaExceeded) as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return None


def _usable(person: User | None) -> list[ModelRepo]:
    """Hosted models that the person may prompt now."""
    now = timezone.now()
    repos = hosted_repos(Caller(person)) if person else []
    return [repo for repo in repos if may(person, Action.INFER, repo, now).allowed]


def _nothing_to_play_with(request: HttpRequest, person: User | None) -> HttpResponse:
    now = timezone.now()
    repos = hosted_repos(Caller(person))
    refusals = [
        describe(verdict, repo)
        for repo in repos
        if not (verdict := may(person, Action.INFER, repo, now)).allowed
    ]
    context = {"signed_in": person is not None, "refusals": refusals, "repos": repos}
    return render(request, "jobs/nothing.html", context)


def _page(
    request: HttpRequest, person: User, form: PlaygroundForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    now = timezone.now()
    context = {"form": form, "today": allowance(person, now), "now": now, **more}
    return render(request, "jobs/playground.html", context, status=status)


@require_safe
@login_required
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    person = _signed_in(request)
    found = find_job(person=person, job_id=job_id)
    shown = _shown(found)
    if "part" in request.GET:
        today = allowance(person, timezone.now())
        return render(request, "jobs/_result.html", {**shown, "today": today})
    names = [repo.full_name for repo in _usable(person)] or [found.repo.full_name]
    initial = {**initial_from(found), "prompt": shown["prompt"]}
    return _page(request, person, PlaygroundForm(models=names, initial=initial), **shown)


def _signed_in(request: HttpRequest) -> User:
    person = session_caller(request).person
    if person is None:
        raise JobNotFound
    return person


def _shown(job: Job) -> dict[str, Any]:
    """What the result's partial needs."""
    model = hosted_model(job.revision)
    events, last_id = so_far(job)
    prompt = model.decode(job.prompts[0])
    terms = terms_of(job)
    return {
        "job": job,
        "prompt": prompt,
        "words": words(events, model),
        "last_id": last_id,
        "ending": ending(job, events),
        "figures": figures(job, timezone.now()),
        "snippets": snippets(job, prompt),
        "terms": terms,
        "outputs": notice(terms) if terms else "",
    }


async def events(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """The job's words as they come; a browser that was cut off goes on from the last it had."""
    job, model = await in_thread(_to_follow)(request, job_id)
    given = request.headers.get("Last-Event-ID") or request.GET.get("after") or START
    return sse_response(_word_events(job, model, _stream_id(given)))


def _to_follow(request: HttpRequest, job_id: UUID) -> tuple[Job, HostedModel]:
    found = find_job(person=_signed_in(request), job_id=job_id)
    return found, hosted_model(found.revision)


def _stream_id(text: str) -> str:
    """A Redis stream's id, or the start."""
    milliseconds, _, number = text.partition("-")
    sound = milliseconds.isdecimal() and number.isdecimal() and len(text) < 40
    return text if sound and text.isascii() else START


async def _word_events(job: Job, model: HostedModel, after: str) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    async with aclosing(follow(job.pk, after)) as items:
        async for item in items:
            yield _spelt(item, model)


def _spelt(item: Item, model: HostedModel) -> str:
    if item.ended:
        return f"id: {item.last_id}\nevent: ended\ndata: {json.dumps(item.ended.state)}\n\n"
    if item.event is None:
        return ": still here\n\n"
    html = "".join(
        render_to_string("jobs/_token.html", {"word": word}) for word in words([item.event], model)
    )
    return f"id: {item.last_id}\nevent: words\ndata: {json.dumps(html)}\n\n"


@posted_from("jobs:job", "job_id")
def stop(request: HttpRequest, job_id: UUID) -> HttpResponse:
    try:
        cancel_job(person=_signed_in(request), job_id=job_id, now=timezone.now())
    except JobHasEnded as error:
        messages.info(request, error.message)
    return redirect("jobs:job", job_id)


@require_safe
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    mine = Job.objects.of(request.user).with_names().defer("prompts", "result_json")
    page = Paginator(mine, PAGE_SIZE).get_page(request.GET.get("page"))
    today = allowance(_signed_in(request), timezone.now())
    return render(request, "jobs/jobs.html", {"page": page, "today": today})
