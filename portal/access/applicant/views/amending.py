"""What an applicant may still say: an answer, a correction, an appeal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.applicant.views.requests import request_page
from portal.access.errors import RequestHasMovedOn
from portal.access.models import AccessRequest
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.access.requests.answering import answer_question, correct_request, resume_request
from portal.access.requests.appeals import appeal_request
from portal.access.requests.form.builder import StepForm
from portal.access.requests.form.forms import AnswerForm, AppealForm
from portal.access.requests.form.wizard import WizardStep, step_forms
from portal.access.requests.snapshots import newest_submission
from portal.access.requests.views.common import own_request
from portal.access.review.status import open_question
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.forms.fields import field_of, show_errors
from portal.forms.pages import posted_from

AMENDING = (RequestAction.CORRECT, RequestAction.ANSWER, RequestAction.RESUME)
SAID = {
    RequestAction.CORRECT: "Your correction is kept, and the team sees what changed.",
    RequestAction.ANSWER: "Your answer is with the reviewers. The clock runs again.",
    RequestAction.RESUME: "Your request goes on from where it stood.",
}


def _amend(
    act: RequestAction,
    access_request: AccessRequest,
    changes: dict[str, Any],
    answer: str,
    now: datetime,
) -> None:
    applicant, key = access_request.applicant, access_request.pk
    if act == RequestAction.CORRECT:
        correct_request(applicant=applicant, request_id=key, changes=changes, now=now)
    elif act == RequestAction.ANSWER:
        answer_question(
            applicant=applicant, request_id=key, answer=answer, changes=changes, now=now
        )
    else:
        resume_request(applicant=applicant, request_id=key, answer=answer, changes=changes, now=now)


def _act_now(access_request: AccessRequest) -> RequestAction:
    """Which of the three the state allows."""
    acts = allowed_actions(access_request.applicant, access_request, timezone.now())
    for act in AMENDING:
        if act in acts:
            return act
    raise RequestHasMovedOn(access_request.reference, access_request.get_state_display())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, request_id: int) -> HttpResponse:
    """All answers on one page, to be put right; beside the answer, where a question waits."""
    access_request = own_request(signed_in(request), request_id)
    act = _act_now(access_request)
    asks = act != RequestAction.CORRECT and open_question(access_request) is not None
    data = request.POST if request.method == "POST" else None
    answer = AnswerForm(data) if asks else None
    forms = _forms(access_request, data)
    all_forms = [each for each in (answer, *forms.values()) if each is not None]
    if data is not None and not any(each.errors for each in all_forms):
        try:
            _amend(act, access_request, _kept(forms), _said(answer), timezone.now())
        except FieldErrors as error:
            _spread(error, all_forms)
        else:
            messages.success(request, SAID[act])
            return redirect("access:request", request_id)
    return _page(request, access_request, act, answer, forms)


def _forms(access_request: AccessRequest, data: QueryDict | None) -> dict[WizardStep, StepForm]:
    """Every step over the newest answers. What is asked hangs on all that is posted, so a step
    knows what stands in the others."""
    newest = newest_submission(access_request)
    answers = newest.answers
    if data is not None:
        typed = step_forms(access_request, data, asked=newest.form, answers=answers)
        answers = answers | {
            name: value for f in typed.values() for name, value in f.typed().items()
        }
    return step_forms(access_request, data, asked=newest.form, answers=answers)


def _kept(forms: dict[WizardStep, StepForm]) -> dict[str, Any]:
    return {name: value for form in forms.values() for name, value in form.kept().items()}


def _said(answer: AnswerForm | None) -> str:
    return str(answer.cleaned_data["answer"]) if answer else ""


def _spread(error: FieldErrors, forms: list[AnswerForm | StepForm]) -> None:
    """Each error to the form that asks; raised where none does."""
    asked = [
        (form, {name: text for name, text in error.errors.items() if field_of(form, name)})
        for form in forms
    ]
    if not any(errors for _, errors in asked):
        raise error
    for form, errors in asked:
        show_errors(form, FieldErrors(errors))


def _page(
    request: HttpRequest,
    access_request: AccessRequest,
    act: RequestAction,
    answer: AnswerForm | None,
    forms: dict[WizardStep, StepForm],
) -> HttpResponse:
    all_forms = [each for each in (answer, *forms.values()) if each is not None]
    context = {
        "access_request": access_request,
        "repo": access_request.repo,
        "answer": answer,
        "question": open_question(access_request),
        "forms": forms.items(),
        "all_forms": all_forms,
        "send": "Send the correction" if act == RequestAction.CORRECT else "Send the answer",
    }
    failed = any(each.errors for each in all_forms)
    return render(request, "access/correct.html", context, status=422 if failed else 200)


@posted_from("access:request", "request_id")
def answer(request: HttpRequest, request_id: int) -> HttpResponse:
    """The answer alone: to the open question, or to the one that a request lapsed over."""
    applicant = signed_in(request)
    access_request = own_request(applicant, request_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return request_page(request, access_request, form, status=422)
    now = timezone.now()
    resumes = RequestAction.RESUME in allowed_actions(applicant, access_request, now)
    act = RequestAction.RESUME if resumes else RequestAction.ANSWER
    try:
        _amend(act, access_request, {}, form.cleaned_data["answer"], now)
    except FieldErrors as error:
        show_errors(form, error)
        return request_page(request, access_request, form, status=422)
    messages.success(request, SAID[act])
    return redirect("access:request", request_id)


@posted_from("access:request", "request_id")
def appeal(request: HttpRequest, request_id: int) -> HttpResponse:
    applicant = signed_in(request)
    access_request = own_request(applicant, request_id)
    form = AppealForm(request.POST)
    if form.is_valid():
        text = form.cleaned_data["text"]
        appeal_request(applicant=applicant, request_id=request_id, text=text, now=timezone.now())
        messages.success(request, "Your appeal is filed. People who didn’t decide look at it.")
        return redirect("access:request", request_id)
    return request_page(request, access_request, AnswerForm(), appeal=form, status=422)
