"""A person's own requests: the list, one request's page, and what they can do with it."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from portal.access import standing
from portal.access.answers import modes_label, readable
from portal.access.errors import AlreadyGranted
from portal.access.forms import AnswerForm, show_errors
from portal.access.history import history
from portal.access.models import AccessRequest, Grant
from portal.access.services.answering import answer_question
from portal.access.services.drafting import discard_draft, start_draft
from portal.access.services.submission import withdraw_request
from portal.access.steps import STEPS, first_unfinished
from portal.access.views.common import own_request
from portal.accounts.authentication import Caller
from portal.accounts.views import signed_in
from portal.catalog.models import Gate
from portal.catalog.services.reading import find_repo
from portal.errors import FieldErrors

PAGE_SIZE = 20


@login_required
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """Mine, newest first, and the access I hold."""
    person, now = signed_in(request), timezone.now()
    mine = AccessRequest.objects.of(person).select_related("repo__namespace")
    page = Paginator(mine, PAGE_SIZE).get_page(request.GET.get("page"))
    held = Grant.objects.filter(person=person).active_at(now)
    held = held.select_related("repo__namespace", "acceptance__licence_version__licence")
    context = {
        "page": page,
        "rows": [(each, standing.applicant_mark(each)) for each in page],
        "grants": [(grant, modes_label(grant.modes)) for grant in held],
        "now": now,
    }
    return render(request, "access/requests.html", context)


@login_required
@require_safe
def start(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """To the first unfinished step of a draft; to the licence, where a signature is enough."""
    person, now = signed_in(request), timezone.now()
    repo = find_repo(f"{namespace}/{name}", caller=Caller(person))
    if not repo.takes_requests and Gate.LICENCE in (repo.download_gate, repo.inference_gate):
        return redirect("access:sign", repo.namespace.name, repo.name)
    try:
        access_request = start_draft(applicant=person, repo_id=repo.pk, now=now)
    except AlreadyGranted as error:
        context = {
            "heading": error.message,
            "act_label": "Open the model’s page",
            "act_url": f"/{repo.full_name}",
            "other_label": "My requests",
            "other_url": "/requests",
        }
        return render(request, "refusal.html", context)
    if not standing.is_draft(access_request):
        return redirect("access:request", access_request.pk)
    begun = access_request.saved_at > access_request.created_at
    step = first_unfinished(access_request, now) if begun else STEPS[0]
    return redirect("access:form", access_request.pk, step.slug)


@login_required
@require_safe
def show(request: HttpRequest, request_id: int) -> HttpResponse:
    """Where a request is, what comes next, and everything that happened to it."""
    access_request = own_request(signed_in(request), request_id)
    return _page(request, access_request, AnswerForm())


def _page(
    request: HttpRequest, access_request: AccessRequest, form: AnswerForm, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    grant = standing.grant_of(access_request)
    submission = access_request.submissions.select_related(
        "acceptance__licence_version__licence"
    ).last()
    answers = submission.answers if submission else access_request.draft
    waited = standing.waited(access_request)
    due_at = access_request.due_at
    context = {
        "access_request": access_request,
        "repo": access_request.repo,
        "title_words": standing.title(access_request),
        "state_mark": standing.applicant_mark(access_request),
        "stages": standing.stages(access_request, grant, now),
        "undecided": standing.is_undecided(access_request),
        "question": standing.open_question(access_request),
        "decision": standing.last_decision(access_request),
        "grant": grant,
        "grant_mark": standing.grant_mark(grant, now) if grant else None,
        "grant_modes": modes_label(grant.modes) if grant else "",
        "submission": submission,
        "answers": readable(answers),
        "asked_for": modes_label(answers.get("modes")),
        "waited_days": waited.days,
        "first_due_at": due_at - waited if due_at else None,
        "overdue": bool(due_at and due_at < now),
        "events": history(access_request, reader=access_request.applicant),
        "form": form,
        "base_url": settings.BASE_URL,
        "now": now,
    }
    return render(request, "access/request.html", context, status=status)


@login_required
@require_POST
def answer(request: HttpRequest, request_id: int) -> HttpResponse:
    person = signed_in(request)
    access_request = own_request(person, request_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, access_request, form, status=422)
    try:
        answer_question(
            applicant=person,
            request_id=request_id,
            answer=form.cleaned_data["answer"],
            now=timezone.now(),
        )
    except FieldErrors as error:
        show_errors(form, error)
        return _page(request, access_request, form, status=422)
    messages.success(request, "Your answer is with the reviewers. The clock runs again.")
    return redirect("access:request", request_id)


@login_required
@require_POST
def withdraw(request: HttpRequest, request_id: int) -> HttpResponse:
    withdraw_request(applicant=signed_in(request), request_id=request_id, now=timezone.now())
    messages.success(request, "Your request is withdrawn. Nobody decides on it any more.")
    return redirect("access:request", request_id)


@login_required
@require_POST
def discard(request: HttpRequest, request_id: int) -> HttpResponse:
    discard_draft(applicant=signed_in(request), request_id=request_id)
    messages.success(request, "The draft is gone, and nothing of it is kept.")
    return redirect("access:requests")
