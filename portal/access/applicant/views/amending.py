"""The pages on which applicants answer, correct or appeal a request that they submitted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods

from portal.access.applicant.views.requests import request_page
from portal.access.errors import RequestHasMovedOn
from portal.access.models import AccessRequest
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.access.requests.answering import answer_question, resume_request
from portal.access.requests.appeals import appeal_request
from portal.access.requests.form.builder import StepForm
from portal.access.requests.form.forms import AnswerForm, AppealForm
from portal.access.requests.form.page_changes import digests_in, digests_of, page_changes
from portal.access.requests.form.wizard import WizardStep, step_forms
from portal.access.requests.snapshots import newest_submission
from portal.access.requests.views.common import own_request
from portal.access.review.decisions.applicant_acts import correct_as_shown
from portal.access.review.status import told_question_of
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.forms.fields import field_of, show_errors
from portal.forms.pages import posted_from

# Each is allowed in other states than the two others, so at most one of them is at any time.
AMENDING = (RequestAction.CORRECT, RequestAction.ANSWER, RequestAction.RESUME)
MESSAGES = {
    RequestAction.CORRECT: gettext_lazy("Your correction is kept, and the team sees what changed."),
    RequestAction.ANSWER: gettext_lazy(
        "Your answer is with the reviewers, and their clock runs again."
    ),
    RequestAction.RESUME: gettext_lazy("Your request is with the reviewers again."),
}


def _amend(
    action: RequestAction,
    access_request: AccessRequest,
    changes: dict[str, Any],
    answer: str,
    now: datetime,
) -> None:
    applicant, key = access_request.applicant, access_request.pk
    if action == RequestAction.CORRECT:
        correct_as_shown(applicant=applicant, request_id=key, changes=changes, now=now)
    elif action == RequestAction.ANSWER:
        answer_question(
            applicant=applicant, request_id=key, answer=answer, changes=changes, now=now
        )
    else:
        resume_request(applicant=applicant, request_id=key, answer=answer, changes=changes, now=now)


def _amending_action(access_request: AccessRequest) -> RequestAction:
    """Return which of the three actions the state allows. Raise RequestHasMovedOn if none."""
    now = timezone.now()
    allowed = allowed_actions(access_request.applicant, access_request, now)
    for action in AMENDING:
        if action in allowed:
            return action
    raise RequestHasMovedOn(access_request.reference, str(access_request.state_shown(now).label))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def correct(request: HttpRequest, request_id: int) -> HttpResponse:
    """Show all answers on one page to be corrected, below the answer to an open question."""
    access_request = own_request(signed_in(request), request_id)
    action = _amending_action(access_request)
    question = told_question_of(access_request, timezone.now())
    asks = action != RequestAction.CORRECT and question is not None
    data = request.POST if request.method == "POST" else None
    answer = AnswerForm(data) if asks else None
    forms = _forms(access_request, data)
    all_forms = [form for form in (answer, *forms.values()) if form is not None]
    if data is not None and not any(form.errors for form in all_forms):
        changes = _changed_here(request, access_request, forms)
        text = str(answer.cleaned_data["answer"]) if answer else ""
        try:
            _amend(action, access_request, changes, text, timezone.now())
        except FieldErrors as error:
            _show_errors(error, all_forms)
        else:
            messages.success(request, MESSAGES[action])
            return redirect("access:request", request_id)
    return _page(request, access_request, action, answer, forms)


def _changed_here(
    request: HttpRequest, access_request: AccessRequest, forms: dict[WizardStep, StepForm]
) -> dict[str, Any]:
    """Return the answers that were changed on this page, so that an older tab undoes nothing."""
    posted = {
        name: value for form in forms.values() for name, value in form.draft_answers().items()
    }
    seen = digests_in(request.POST.get("seen", ""))
    newest = newest_submission(access_request)
    return page_changes(posted, seen=seen, draft=newest.answers).answers


def _seen(
    request: HttpRequest, access_request: AccessRequest, forms: dict[WizardStep, StepForm]
) -> str:
    """Return digests of the answers that the page was opened with, for it to send back."""
    names = [name for form in forms.values() for name in form.fields]
    answers = newest_submission(access_request).answers
    return request.POST.get("seen", "") or json.dumps(digests_of(answers, names))


def _forms(access_request: AccessRequest, data: QueryDict | None) -> dict[WizardStep, StepForm]:
    """Return the forms of all steps, filled with the newest answers and then with ``data``.

    A question may depend on an answer in another step. So the forms are built twice: first to read
    what was posted in all of them, then to ask what that leads to.
    """
    newest = newest_submission(access_request)
    answers = newest.answers
    if data is not None:
        posted = step_forms(access_request, data, request_form=newest.form, answers=answers)
        answers = dict(answers)
        for form in posted.values():
            answers |= form.raw_answers()
    return step_forms(access_request, data, request_form=newest.form, answers=answers)


def _show_errors(error: FieldErrors, forms: list[AnswerForm | StepForm]) -> None:
    """Show each error in the form that has its field. Raise the error again if none has."""
    by_form = [
        (form, {name: text for name, text in error.errors.items() if field_of(form, name)})
        for form in forms
    ]
    if not any(errors for _, errors in by_form):
        raise error
    for form, errors in by_form:
        show_errors(form, FieldErrors(errors))


def _page(
    request: HttpRequest,
    access_request: AccessRequest,
    action: RequestAction,
    answer: AnswerForm | None,
    forms: dict[WizardStep, StepForm],
) -> HttpResponse:
    all_forms = [form for form in (answer, *forms.values()) if form is not None]
    context = {
        "access_request": access_request,
        "repo": access_request.repo,
        "answer": answer,
        "question": told_question_of(access_request, timezone.now()),
        "forms": forms.items(),
        "seen": _seen(request, access_request, forms),
        "all_forms": all_forms,
        "send": gettext("Send the correction")
        if action == RequestAction.CORRECT
        else gettext("Send the answer"),
    }
    failed = any(form.errors for form in all_forms)
    return render(request, "access/correct.html", context, status=422 if failed else 200)


@posted_from("access:request", "request_id")
def answer(request: HttpRequest, request_id: int) -> HttpResponse:
    """Answer the open question, or resume a lapsed request by answering the one it waited for."""
    applicant = signed_in(request)
    access_request = own_request(applicant, request_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return request_page(request, access_request, form, status=422)
    now = timezone.now()
    resumes = RequestAction.RESUME in allowed_actions(applicant, access_request, now)
    action = RequestAction.RESUME if resumes else RequestAction.ANSWER
    try:
        _amend(action, access_request, {}, form.cleaned_data["answer"], now)
    except FieldErrors as error:
        show_errors(form, error)
        return request_page(request, access_request, form, status=422)
    messages.success(request, MESSAGES[action])
    return redirect("access:request", request_id)


@posted_from("access:request", "request_id")
def appeal(request: HttpRequest, request_id: int) -> HttpResponse:
    applicant = signed_in(request)
    access_request = own_request(applicant, request_id)
    form = AppealForm(request.POST)
    if form.is_valid():
        text = form.cleaned_data["text"]
        appeal_request(applicant=applicant, request_id=request_id, text=text, now=timezone.now())
        messages.success(
            request,
            gettext("Your appeal is filed. People who didn’t take the decision look at it."),
        )
        return redirect("access:request", request_id)
    return request_page(request, access_request, AnswerForm(), appeal=form, status=422)
