"""The reviewers' pages: the queue, a case on one page, and what decides it."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe
from django_countries import countries

from portal.access.errors import RequestNotFound
from portal.access.grants.checks.clearing import checks_of
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.models import AccessRequest, Decision
from portal.access.policy.request_actions import RequestAction
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.access.review.decisions.undoable import undo_until
from portal.access.review.decisions.votes import votes_missing
from portal.access.review.forms import ApproveForm, AskForm, DeclineForm, RevokeForm
from portal.access.review.queue.filters import FLAGS, GROUPINGS, filters_from
from portal.access.review.queue.listing import queue_of
from portal.access.review.queue.paging import with_other_teams
from portal.access.review.status import grant_of
from portal.access.review.views.case import DIALOGS, undo_context
from portal.access.review.views.common import (
    attempt,
    case_page,
    onward,
    readable_case,
    reviewer_of,
    to_case,
)
from portal.accounts.models import Sector, User
from portal.pages import posted_from

VOTES = ("no more votes are", "one more vote is", "two more votes are", "three more votes are")


def _nothing_waits(reviewer: User) -> str:
    """Say why the queue is empty: all is decided, or what waits is with other teams."""
    elsewhere = with_other_teams(reviewer)
    if not elsewhere:
        return "Every request is decided. New ones appear here, oldest first."
    is_one = elsewhere.number == 1
    wait = "request waits with its team" if is_one else "requests wait with their teams"
    return (
        f"{elsewhere} {wait}. You read a case once it is late, or too few of its team may "
        "decide it. To see every case of a model, join its review team."
    )


@login_required
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    reviewer, now = reviewer_of(request), timezone.now()
    filters = filters_from(request.GET.dict())
    context = {
        "queue": queue_of(reviewer, filters, now=now),
        "filters": filters,
        "carried": filters.query,
        "flags": FLAGS,
        "groupings": GROUPINGS,
        "sectors": Sector.choices,
        "countries": list(countries),
        "nothing_waits": SimpleLazyObject(lambda: _nothing_waits(reviewer)),
        "check_count": checks_of(reviewer, now).count(),
        "now": now,
        **undo_context(reviewer, now),
    }
    return render(request, "access/queue.html", context)


@login_required
@require_safe
def case(request: HttpRequest, request_id: int) -> HttpResponse:
    """Show everything that a decision needs on one page; ``?open=`` opens one dialog of it."""
    reviewer = reviewer_of(request)
    part = request.GET.get("open", "")
    opened = (part, None) if part in DIALOGS else None
    return case_page(request, reviewer, readable_case(reviewer, request_id), failed=opened)


@posted_from("access:case", "request_id", part="approve")
def approve(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    access_request = readable_case(reviewer, request_id)
    form = ApproveForm(request.POST, repo=access_request.repo)

    def do(now: datetime) -> None:
        approve_request(
            reviewer=reviewer,
            request_id=request_id,
            modes=form.cleaned_data["modes"],
            expires_at=end_of(form.cleaned_data["until"]),
            conditions=form.conditions(),
            is_override=form.cleaned_data["is_override"],
            now=now,
        )

    refused = attempt(request, access_request, "approve", form, do, act=RequestAction.VOTE)
    said = _came_of(access_request, Decision.Verdict.APPROVED)
    return refused or onward(request, access_request, said)


def end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=timezone.get_current_timezone())


@posted_from("access:case", "request_id", part="ask")
def ask(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    access_request = readable_case(reviewer, request_id)
    form = AskForm(request.POST)

    def do(now: datetime) -> None:
        text = form.cleaned_data["text"]
        ask_question(reviewer=reviewer, request_id=request_id, text=text, now=now)

    refused = attempt(request, access_request, "ask", form, do, act=RequestAction.ASK)
    return refused or onward(request, access_request, _asked(access_request))


@posted_from("access:case", "request_id", part="decline")
def decline(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    access_request = readable_case(reviewer, request_id)
    form = DeclineForm(request.POST)

    def do(now: datetime) -> None:
        decline_request(reviewer=reviewer, request_id=request_id, now=now, **form.cleaned_data)

    is_held = access_request.state == AccessRequest.State.HELD
    act = RequestAction.DISPOSE if is_held else RequestAction.VOTE
    refused = attempt(request, access_request, "decline", form, do, act=act)
    said = _came_of(access_request, Decision.Verdict.DECLINED)
    return refused or onward(request, access_request, said)


def _asked(access_request: AccessRequest) -> str:
    """Say that the letter has gone; nothing where the line of its undo tells of it."""
    until = undo_until(AccessRequest.objects.get(pk=access_request.pk))
    if until and until > timezone.now():
        return ""
    return f"{access_request.reference} asked: the letter is on its way. The clock stands."


def _came_of(access_request: AccessRequest, verdict: Decision.Verdict) -> str:
    """What a vote led to. Nothing is said of a decision that the line of its undo tells."""
    now = timezone.now()
    fresh = AccessRequest.objects.select_related("repo").get(pk=access_request.pk)
    if fresh.state == verdict:
        last = fresh.decisions.latest("decided_at", "pk")
        waits = last.undo_until > now
        return "" if waits else f"{fresh.reference} {verdict}. The letter is on its way."
    missing = votes_missing(fresh, verdict, now)
    if missing == 0:
        return f"{fresh.reference}: your vote is kept. The votes agree on no terms yet."
    words = VOTES[missing] if missing < len(VOTES) else f"{missing} more votes are"
    return f"{fresh.reference}: your vote is kept; {words} needed."


@posted_from("access:case", "request_id", part="revoke")
def revoke(request: HttpRequest, request_id: int) -> HttpResponse:
    """End the grant that an approval made; for those who administer the model."""
    reviewer = reviewer_of(request)
    access_request = readable_case(reviewer, request_id)
    grant = grant_of(access_request)
    if grant is None:
        raise RequestNotFound
    form = RevokeForm(request.POST)
    end = partial(revoke_grant, actor=reviewer, grant_id=grant.pk)

    def do(now: datetime) -> None:
        end(reason=form.cleaned_data["reason"], now=now)

    refused = attempt(request, access_request, "revoke", form, do)
    if refused is None:
        messages.success(request, "The access is ended, and the notice is on its way.")
    return refused or to_case(request, request_id)
