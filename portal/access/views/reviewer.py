"""The reviewers' pages: the queue, a case on one page, and what decides it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from functools import partial

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal.access.errors import RequestHasMovedOn, RequestNotFound
from portal.access.forms import show_errors
from portal.access.models import AccessRequest
from portal.access.queue import filters_from, next_to_decide, queue_of
from portal.access.review_forms import ApproveForm, AskForm, DeclineForm, RevokeForm
from portal.access.services.grants import revoke_grant
from portal.access.services.review import approve_request, ask_question, decline_request
from portal.access.standing import awaits_decision, grant_of
from portal.access.views.casefile import case_context
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors, Forbidden, InvalidTransition

Act = Callable[[datetime], object]


def _reviewer(request: HttpRequest) -> User:
    """Who is signed in, if they sit on a review team at all."""
    person = signed_in(request)
    if not ModelRepo.objects.reviewable_by(person).exists():
        raise Forbidden("The queue is for the people who review a model’s requests.")
    return person


def _case(reviewer: User, request_id: int) -> AccessRequest:
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk=request_id)
    found: AccessRequest | None = readable.select_related("repo__namespace", "applicant").first()
    if found is None:
        raise RequestNotFound
    return found


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    reviewer, now = _reviewer(request), timezone.now()
    filters = filters_from(request.GET.dict())
    found = queue_of(reviewer, filters, number=request.GET.get("page"), now=now)
    context = {"queue": found, "page": found.page, "filters": filters, "now": now}
    return render(request, "access/queue.html", context)


@login_required
@require_safe
def case(request: HttpRequest, request_id: int) -> HttpResponse:
    """Everything that a decision needs, on one page."""
    reviewer = _reviewer(request)
    return _page(request, reviewer, _case(reviewer, request_id))


def _page(
    request: HttpRequest,
    reviewer: User,
    access_request: AccessRequest,
    *,
    status: int = 200,
    notice: str = "",
    failed: tuple[str, forms.Form] | None = None,
) -> HttpResponse:
    context = case_context(access_request, reviewer, now=timezone.now(), failed=failed)
    return render(request, "access/case.html", context | {"notice": notice}, status=status)


def _decide(
    request: HttpRequest, access_request: AccessRequest, name: str, form: forms.Form, act: Act
) -> HttpResponse | None:
    """Do it. None when it is done; else the case again, with what stood in the way."""
    reviewer = signed_in(request)
    if name != "revoke" and not awaits_decision(access_request):
        state = access_request.get_state_display()
        moved_on = RequestHasMovedOn(access_request.reference, state)
        return _page(request, reviewer, access_request, status=409, notice=moved_on.message)
    if form.is_valid():
        try:
            act(timezone.now())
        except FieldErrors as error:
            show_errors(form, error)
        except InvalidTransition as error:
            fresh = _case(reviewer, access_request.pk)
            return _page(request, reviewer, fresh, status=error.status, notice=error.message)
        else:
            return None
    return _page(request, reviewer, access_request, status=422, failed=(name, form))


def _onward(request: HttpRequest, access_request: AccessRequest, said: str) -> HttpResponse:
    """To the next case that awaits a decision; to the queue when there is none."""
    messages.success(request, said)
    following = next_to_decide(access_request, signed_in(request))
    return redirect("access:case", following) if following else redirect("access:queue")


@login_required
@require_POST
def approve(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = _reviewer(request)
    access_request = _case(reviewer, request_id)
    form = ApproveForm(request.POST, repo=access_request.repo)

    def act(now: datetime) -> None:
        modes, until = form.cleaned_data["modes"], form.cleaned_data["until"]
        approve_request(
            reviewer=reviewer,
            request_id=request_id,
            modes=modes,
            expires_at=_end_of(until),
            now=now,
        )

    said = f"{access_request.reference} approved. The letter is on its way."
    refused = _decide(request, access_request, "approve", form, act)
    return refused or _onward(request, access_request, said)


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=timezone.get_current_timezone())


@login_required
@require_POST
def ask(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = _reviewer(request)
    access_request = _case(reviewer, request_id)
    form = AskForm(request.POST)

    def act(now: datetime) -> None:
        text = form.cleaned_data["text"]
        ask_question(reviewer=reviewer, request_id=request_id, text=text, now=now)

    said = f"{access_request.reference} asked. The clock stands until they answer."
    refused = _decide(request, access_request, "ask", form, act)
    return refused or _onward(request, access_request, said)


@login_required
@require_POST
def decline(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = _reviewer(request)
    access_request = _case(reviewer, request_id)
    form = DeclineForm(request.POST)

    def act(now: datetime) -> None:
        decline_request(reviewer=reviewer, request_id=request_id, now=now, **form.cleaned_data)

    said = f"{access_request.reference} declined. The letter is on its way."
    refused = _decide(request, access_request, "decline", form, act)
    return refused or _onward(request, access_request, said)


@login_required
@require_POST
def revoke(request: HttpRequest, request_id: int) -> HttpResponse:
    """End the grant that an approval made; for those who administer the model."""
    reviewer = _reviewer(request)
    access_request = _case(reviewer, request_id)
    grant = grant_of(access_request)
    if grant is None:
        raise RequestNotFound
    form = RevokeForm(request.POST)
    end = partial(revoke_grant, actor=reviewer, grant_id=grant.pk)

    def act(now: datetime) -> None:
        end(reason=form.cleaned_data["reason"], now=now)

    refused = _decide(request, access_request, "revoke", form, act)
    if refused is None:
        messages.success(request, "The access is ended, and the notice is on its way.")
    return refused or redirect("access:case", request_id)
