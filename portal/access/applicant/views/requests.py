"""A person's own requests: the list, one request's page, and what they can do with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.applicant.unproved_claim import unproved_claim_of
from portal.access.errors import AlreadyGranted
from portal.access.grants.pending_actions import invitations_to
from portal.access.grants.status_badges import grant_state
from portal.access.lifecycle import end_of, status_of
from portal.access.models import AccessRequest, Grant
from portal.access.policy.covered import covered_repos
from portal.access.policy.request_actions import allowed_actions
from portal.access.requests.answering import is_resumable, resumable_until
from portal.access.requests.appeals import appealable_until
from portal.access.requests.asked_models import asked_through
from portal.access.requests.diffs import changes_of
from portal.access.requests.drafts import begun_request, discard_draft, start_draft
from portal.access.requests.form.answers import modes_label, readable_answers
from portal.access.requests.form.forms import AnswerForm, AppealForm
from portal.access.requests.form.questions import newest_form
from portal.access.requests.form.wizard import STEPS, first_unfinished
from portal.access.requests.views.common import own_request
from portal.access.review import status as request_status
from portal.access.review.decisions.applicant_acts import withdraw_as_shown
from portal.access.review.timeline import timeline_of
from portal.accounts.affiliations import addresses_of, affiliations_of
from portal.accounts.tokens.authentication import Caller
from portal.accounts.views import signed_in
from portal.catalog.models import Gate
from portal.catalog.services.lookup import find_repo
from portal.forms.pages import posted_from

PAGE_SIZE = 20
GRANTS_SHOWN = 50  # the rest stands on the page of grants


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show what a request takes, with the button that begins it, or redirect to the open one.

    GET begins no draft, since crawlers and browsers that load pages ahead open the address too.
    """
    applicant, now = signed_in(request), timezone.now()
    repo = find_repo(f"{namespace}/{name}", caller=Caller(applicant))
    if not repo.takes_requests and Gate.LICENCE in (repo.download_gate, repo.inference_gate):
        return redirect("access:sign", repo.namespace.name, repo.name)
    try:
        begun = begun_request(applicant=applicant, repo=repo, now=now)
        if begun is None and request.method == "POST":
            begun = start_draft(applicant=applicant, repo_id=repo.pk, now=now)
    except AlreadyGranted as error:
        if request.method == "POST":
            return redirect("access:start", repo.namespace.name, repo.name)
        return _already_granted(request, error)
    if begun is None:
        context = {
            "repo": repo,
            "collection": asked_through(repo),
            "steps": STEPS,
            "is_member": Grant.objects.usable_by(applicant, repo).active_at(now).exists(),
            "invitations": invitations_to(applicant, now, repo),
        }
        return render(request, "access/start.html", context)
    return redirect(*_page_to_go_on_from(begun, now))


def _already_granted(request: HttpRequest, error: AlreadyGranted) -> HttpResponse:
    context = {
        "heading": error.message,
        "act_label": error.act_label,
        "act_url": error.help_url,
        "other_label": _("See your access"),
        "other_url": reverse("site:access"),
    }
    return render(request, "refusal.html", context)


def _page_to_go_on_from(access_request: AccessRequest, now: datetime) -> tuple[Any, ...]:
    """Name the view and its arguments: a draft's first unfinished step, or the request's page."""
    if not request_status.is_draft(access_request):
        return "access:request", access_request.pk
    is_typed = access_request.saved_at > access_request.created_at
    step = first_unfinished(access_request, now) if is_typed else STEPS[0]
    return "access:form", access_request.pk, step.slug


@login_required
@require_safe
def show(request: HttpRequest, request_id: int) -> HttpResponse:
    """Show where a request is, what comes next, and everything that happened to it."""
    access_request = own_request(signed_in(request), request_id)
    return request_page(request, access_request, AnswerForm())


def request_page(
    request: HttpRequest,
    access_request: AccessRequest,
    form: AnswerForm,
    *,
    appeal: AppealForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the page of a request with its answer and appeal forms, errors in them included."""
    now = timezone.now()
    acts = allowed_actions(access_request.applicant, access_request, now)
    access_request = access_request.as_shown(now)
    grants = request_status.told_grants_of(access_request, now)
    grant = request_status.most_urgent(grants, now)
    submission = access_request.submissions.select_related(
        "form", "acceptance__licence_version__licence"
    ).last()
    answers = submission.answers if submission else access_request.draft
    request_form = submission.form if submission else newest_form(access_request.repo)
    context = {
        "access_request": access_request,
        "repo": access_request.repo,
        "title_words": request_status.title(access_request),
        "state_badge": request_status.applicant_badge(access_request),
        "stages": request_status.stages(access_request, grant, now),
        "acts": acts,
        "question": request_status.told_question_of(access_request, now),
        "submission": submission,
        "answers": readable_answers(answers, form=request_form),
        "changes": changes_of(access_request),
        "asked_for": modes_label(answers.get("modes")),
        "events": timeline_of(access_request, reader=access_request.applicant, now=now),
        "form": form,
        "appeal": appeal or AppealForm(),
        "base_url": settings.BASE_URL,
        "now": now,
        **_grants(grants, grant, now),
        **_due_dates(access_request, now),
        **_ways_back(access_request, now),
        **_evidence(access_request, now),
    }
    return render(request, "access/request.html", context, status=status)


def _grants(grants: list[Grant], grant: Grant | None, now: datetime) -> dict[str, Any]:
    """Return the grants that came of the request, and of the most urgent one what is to be done."""
    if grant is None:
        return {"grant": None}
    return {
        "grant": grant,
        "grants": [(row, grant_state(row, now), covered_repos(row)) for row in grants],
        "grant_status": status_of(grant, now),
        "grant_end": end_of(grant, now),
        "grant_modes": modes_label(grant.modes),
        "opened": covered_repos(grant)[0],
    }


def _due_dates(access_request: AccessRequest, now: datetime) -> dict[str, Any]:
    """Return the due date before questions moved it, by how much, and whether it has passed."""
    waited, due_at = request_status.waiting_time(access_request), access_request.due_at
    return {
        "waited_days": waited.days,
        "first_due_at": due_at - waited if due_at else None,
        "overdue": access_request.is_overdue(now),
    }


def _ways_back(access_request: AccessRequest, now: datetime) -> dict[str, Any]:
    """Return the decision, and until when it can be appealed or a lapse can be resumed."""
    until = appealable_until(access_request)
    return {
        "decision": request_status.told_decision_of(access_request, now),
        "appeal_until": until if until and now <= until else None,
        "resume_until": resumable_until(access_request),
        "may_resume": is_resumable(access_request, now),
    }


def _evidence(access_request: AccessRequest, now: datetime) -> dict[str, Any]:
    """Return what reviewers see proved about the applicant, and what they see only stated."""
    applicant = access_request.applicant
    return {
        "affiliations": affiliations_of(applicant, now),
        "proved_addresses": addresses_of(applicant),
        "said_organization": access_request.draft.get("organization", ""),
        "unproved": unproved_claim_of(access_request, now),
    }


@posted_from("access:request", "request_id")
def withdraw(request: HttpRequest, request_id: int) -> HttpResponse:
    withdraw_as_shown(applicant=signed_in(request), request_id=request_id, now=timezone.now())
    messages.success(request, _("Your request is withdrawn. Nobody will decide on it."))
    return redirect("access:request", request_id)


@posted_from("access:request", "request_id")
def discard(request: HttpRequest, request_id: int) -> HttpResponse:
    discard_draft(applicant=signed_in(request), request_id=request_id, now=timezone.now())
    messages.success(request, _("The draft is deleted. Nothing of it is kept."))
    return redirect("site:access")
