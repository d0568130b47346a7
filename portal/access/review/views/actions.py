"""What reviewers do to a case beside deciding it."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from portal.access.policy.request_actions import RequestAction
from portal.access.review.assignment import assign_request, claim_request, release_request
from portal.access.review.decisions.undo import reopen_request, undo_last
from portal.access.review.forms import AssignForm, DeclareForm, NoteForm, ReopenForm, VouchForm
from portal.access.review.notes import declare_conflict, vouch_for_applicant, write_note
from portal.access.review.views.common import attempt, onward, readable_case, reviewer_of, to_case
from portal.pages import posted_from


@posted_from("access:case", "request_id")
def claim(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)

    def do(now: datetime) -> None:
        claim_request(reviewer=reviewer, request_id=request_id, now=now)

    refused = attempt(request, case, "", None, do)
    return refused or to_case(request, request_id)


@posted_from("access:case", "request_id")
def release(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)

    def do(now: datetime) -> None:
        release_request(actor=reviewer, request_id=request_id, now=now)

    refused = attempt(request, case, "", None, do)
    return refused or to_case(request, request_id)


@posted_from("access:case", "request_id", part="assign")
def assign(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)
    form = AssignForm(request.POST, repo=case.repo)

    def do(now: datetime) -> None:
        assignee = form.cleaned_data["assignee"]
        assign_request(actor=reviewer, request_id=request_id, assignee=assignee, now=now)

    refused = attempt(request, case, "assign", form, do, act=RequestAction.ASSIGN)
    return refused or to_case(request, request_id)


@posted_from("access:case", "request_id", part="note")
def note(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)
    form = NoteForm(request.POST)

    def do(now: datetime) -> None:
        write_note(author=reviewer, request_id=request_id, text=form.cleaned_data["note"], now=now)

    refused = attempt(request, case, "note", form, do, act=RequestAction.NOTE)
    return refused or to_case(request, request_id)


@posted_from("access:case", "request_id", part="declare")
def declare(request: HttpRequest, request_id: int) -> HttpResponse:
    """A conflict is declared from the page; that there is none, by deciding."""
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)
    form = DeclareForm(request.POST)

    def do(now: datetime) -> None:
        statement = form.cleaned_data["statement"]
        declare_conflict(
            reviewer=reviewer,
            request_id=request_id,
            has_conflict=True,
            statement=statement,
            now=now,
        )

    refused = attempt(request, case, "declare", form, do, act=RequestAction.DECLARE)
    said = f"{case.reference}: your conflict of interest is declared. Others decide it."
    return refused or onward(request, case, said)


@posted_from("access:case", "request_id", part="vouch")
def vouch(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)
    form = VouchForm(request.POST)

    def do(now: datetime) -> None:
        evidence = form.cleaned_data["evidence"]
        vouch_for_applicant(reviewer=reviewer, request_id=request_id, evidence=evidence, now=now)

    refused = attempt(request, case, "vouch", form, do, act=RequestAction.VOUCH)
    return refused or to_case(request, request_id)


@posted_from("access:case", "request_id")
def undo(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)

    def do(now: datetime) -> None:
        undo_last(actor=reviewer, request_id=request_id, now=now)

    refused = attempt(request, case, "", None, do, act=RequestAction.UNDO)
    if refused is None:
        messages.success(request, f"{case.reference} is undone. No letter leaves.")
    return refused or to_case(request, request_id)


@posted_from("access:case", "request_id", part="reopen")
def reopen(request: HttpRequest, request_id: int) -> HttpResponse:
    reviewer = reviewer_of(request)
    case = readable_case(reviewer, request_id)
    form = ReopenForm(request.POST)

    def do(now: datetime) -> None:
        reason = form.cleaned_data["reason"]
        reopen_request(actor=reviewer, request_id=request_id, reason=reason, now=now)

    refused = attempt(request, case, "reopen", form, do, act=RequestAction.REOPEN)
    return refused or to_case(request, request_id)
