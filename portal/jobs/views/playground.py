"""The playground, and the page of each job."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, override
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.errors import Refused
from portal.access.policy.policy import Action, may
from portal.access.policy.refusals import describe
from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller, session_caller
from portal.catalog.models import ModelRepo
from portal.forms.pages import posted_from
from portal.jobs.captures.describing import shown_captures
from portal.jobs.errors import BadParameter, JobHasEnded, JobNotFound, ModelLoading, QuotaExceeded
from portal.jobs.hosting import HostedModel, hosted_model, hosted_repos, ready_commit
from portal.jobs.models import Job
from portal.jobs.playground.chat_form import CHAT, TEXT, chat_initial
from portal.jobs.playground.code import snippets
from portal.jobs.playground.forms import PlaygroundForm, initial_from, set_elsewhere
from portal.jobs.playground.inside import shown_inside
from portal.jobs.playground.keeping import keeping
from portal.jobs.playground.opening import answered, form_for, start, with_seed
from portal.jobs.playground.playable import egress_use_for, playable_by, quota_use_for
from portal.jobs.playground.presentation import ending, figures, with_act, words
from portal.jobs.quota import quota_today
from portal.jobs.services import cancel_job, create_job, find_job
from portal.jobs.services.forgetting import kept_until
from portal.jobs.serving.places import JobProgress, progress_now
from portal.jobs.streaming.event_log import LogItem, StreamPosition, so_far
from portal.jobs.streaming.following import follow
from portal.jobs.streaming.slots import StreamSlot, occupied, take_slot
from portal.jobs.streaming.sse import sse_response
from portal.jobs.streaming.threads import in_thread
from portal.jobs.terms import notice, terms_of


@require_http_methods(["GET", "HEAD", "POST"])
def playground(request: HttpRequest) -> HttpResponse:
    person = session_caller(request).person
    playable = playable_by(person, timezone.now()) if person else []
    posted = request.method == "POST"
    if posted and person is None:
        return redirect_to_login(request.get_full_path())
    asked_for = _hosted(person, request.POST.get("model", "")) if posted else None
    if person is None or not (playable or asked_for):
        return _nothing_to_play_with(request, person)
    if not posted:
        mode, initial = start(request.GET, playable)
        return _page(request, person, form_for(playable, mode, initial=initial))
    data, lost = answered(person, with_seed(request.POST))
    form = form_for(playable, request.POST.get("mode", TEXT), data=data, also=asked_for)
    if lost:
        form.add_error(None, lost)
    if form.is_valid() and (job := _submit(request, form)):
        return redirect("jobs:job", job.pk)
    return _page(request, person, form, status=422)


def _hosted(person: User | None, name: str) -> ModelRepo | None:
    """Return the hosted model of that name, if the person may know of it."""
    repos = hosted_repos(Caller(person))
    return next((repo for repo in repos if repo.full_name == name), None)


def _submit(request: HttpRequest, form: PlaygroundForm) -> Job | None:
    """Make the job; None where the form now says why not."""
    try:
        return create_job(
            caller=session_caller(request),
            completion_request=form.cleaned_data["completion_request"],
            now=timezone.now(),
            source=Job.Source.PLAYGROUND,
            chat=form.cleaned_data.get("chat"),
        )
    except (BadParameter, ModelLoading, QuotaExceeded) as error:
        form.add_error(form.field_of(error), error.message)
    except Refused as error:
        form.add_error(None, with_act(error.refusal))
    return None


def _nothing_to_play_with(request: HttpRequest, person: User | None) -> HttpResponse:
    now = timezone.now()
    repos = hosted_repos(Caller(person))
    refusals = [
        describe(permission, repo)
        for repo in repos
        if not (permission := may(person, Action.INFER, repo, now)).allowed
    ]
    context = {"signed_in": person is not None, "refusals": refusals, "repos": repos}
    return render(request, "jobs/nothing.html", context)


def _page(
    request: HttpRequest, person: User, form: PlaygroundForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    now = timezone.now()
    repos = {repo.full_name: repo for repo in hosted_repos(Caller(person))}
    repo = repos.get(str(form["model"].value()))
    quota_use = quota_use_for(person, repo, now) if repo else None
    today = quota_use.today if quota_use else quota_today(person, now)
    context = {"form": form, "today": today, "quota_use": quota_use, "now": now, **more}
    context["egress_use"] = egress_use_for(person, repo, now) if repo else None
    context["keeping"] = keeping([repos[name] for name in form.models if name in repos])
    return render(request, "jobs/playground.html", context, status=status)


@require_safe
@login_required
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    person = _signed_in(request)
    job = find_job(person=person, job_id=job_id)
    shown = _shown(job, request.GET)
    if "part" in request.GET:
        today = quota_use_for(person, job.repo, timezone.now()).today
        return render(request, "jobs/_result.html", {**shown, "today": today})
    mode = TEXT if job.chat is None else CHAT
    initial = chat_initial(job) if mode == CHAT else initial_from(job)
    initial = {**initial, "prompt": shown["prompt"]}
    form = form_for(playable_by(person, timezone.now()), mode, also=job.repo, initial=initial)
    return _page(request, person, form, **shown)


def _signed_in(request: HttpRequest) -> User:
    person = session_caller(request).person
    if person is None:
        raise JobNotFound
    return person


def _shown(job: Job, asked: QueryDict) -> dict[str, Any]:
    """Return the context of the result's partial."""
    model = hosted_model(job.revision)
    events, position = so_far(job)
    prompt = model.decode(job.prompts[0]) if job.prompts else ""  # forgotten
    terms, progress = terms_of(job), progress_now(job, timezone.now())
    captures = shown_captures(job)
    written = [token for event in events if event.choice == 0 for token in event.tokens]
    return {
        "job": job,
        "prompt": prompt,
        "is_chat": job.chat is not None,
        "words": words(events, model),
        "position": position,
        "ending": progress.in_words if progress else ending(job, events),
        "figures": figures(job, timezone.now()),
        "set_elsewhere": set_elsewhere(job),
        "snippets": snippets(job, prompt),
        "terms": terms,
        "outputs": notice(terms) if terms else "",
        "newer": _hosted_since(job),
        "forgotten": not job.is_open and not job.prompts,
        "kept_until": kept_until(job),
        **captures,
        **shown_inside(job, captures.get("captures"), written, asked),
    }


def _hosted_since(job: Job) -> str:
    """Return the commit that is served now, where it is another than the job's; else nothing."""
    commit = ready_commit(job.repo.full_name) or job.revision.commit
    return "" if commit == job.revision.commit else commit


async def events(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """Stream the job's words. A browser that was cut off goes on from the last that it had."""
    job, model, slot = await in_thread(_to_follow)(request, job_id)
    after = request.headers.get("Last-Event-ID") or request.GET.get("after") or ""
    write = partial(_in_language, get_language(), model)
    return sse_response(_word_events(job, write, slot, StreamPosition.read(after)))


def _to_follow(request: HttpRequest, job_id: UUID) -> tuple[Job, HostedModel, StreamSlot]:
    person = _signed_in(request)
    job = find_job(person=person, job_id=job_id)
    return job, hosted_model(job.revision), take_slot(person.pk, timezone.now())


async def _word_events(
    job: Job, write: Callable[[LogItem], str], slot: StreamSlot, after: StreamPosition
) -> AsyncIterator[str]:
    async with occupied(slot), aclosing(follow(job.pk, write, after)) as lines:
        yield "retry: 1000\n\n"
        async for line in lines:
            yield line


def _silence(progress: JobProgress | None) -> str:
    """Tell the page how its job stands while no words come."""
    if progress is None:
        return ": still here\n\n"
    name = "waiting" if progress.waits else "running"
    return f"event: {name}\ndata: {json.dumps(progress.in_words)}\n\n"


def _in_language(language: str | None, model: HostedModel, item: LogItem) -> str:
    """Write an item in the language of the page that follows, in whichever thread."""
    with override(language):
        return _rendered(model, item)


def _rendered(model: HostedModel, item: LogItem) -> str:
    if item.ended:
        return f"id: {item.position}\nevent: ended\ndata: {json.dumps(item.ended.state)}\n\n"
    if item.event is None:
        return _silence(item.progress)
    html = "".join(word.markup for word in words([item.event], model))
    return f"id: {item.position}\nevent: words\ndata: {json.dumps(html)}\n\n"


@posted_from("jobs:job", "job_id")
def stop(request: HttpRequest, job_id: UUID) -> HttpResponse:
    try:
        cancel_job(person=_signed_in(request), job_id=job_id, now=timezone.now())
    except JobHasEnded as error:
        messages.info(request, error.message)
    return redirect("jobs:job", job_id)
