"""Decide many requests at once: select them in the queue, see the outcome, confirm it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, astuple
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.models import AccessRequest, Decision
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import defaults_of, quota_words
from portal.access.review.bulk_forms import BulkForm
from portal.access.review.bulk_rows import VerdictWords, digest_of, rows_of, said_of, undoable_among
from portal.access.review.decisions.bulk import BulkResult, BulkTerms, bulk_decide, bulk_undo
from portal.access.review.status import is_decidable, reviewer_badge
from portal.access.review.views.common import reviewer_of
from portal.access.status_badge import StatusBadge
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors
from portal.formatting import counted
from portal.forms.fields import end_of_day, show_errors
from portal.forms.pages import posted_from

_RESULTS, _SAID = "bulk_results", "bulk_said"
MOST_READ = 200  # more ids than a page of the queue lets anybody select; the rest is ignored


@login_required
@require_http_methods(["GET", "POST"])
def bulk(request: HttpRequest) -> HttpResponse:
    reviewer = reviewer_of(request)
    parameters = request.POST if request.method == "POST" else request.GET
    selected = _selected(reviewer, parameters.getlist("id"))
    if request.method == "GET":
        return _shown(request, selected)
    if not selected:
        return redirect("access:bulk")
    form = BulkForm(request.POST, repo=selected[0].repo)
    if not form.is_valid():
        return _page(request, selected, form, status=422)
    # What was changed after the preview is shown before it is done.
    has_changed = request.POST.get("previewed") != digest_of(form, selected)
    is_confirmed = "confirm" in request.POST and not has_changed
    try:
        results = bulk_decide(
            reviewer=reviewer,
            request_ids=[access_request.pk for access_request in selected],
            terms=_terms(form),
            dry_run=not is_confirmed,
            now=timezone.now(),
        )
    except FieldErrors as error:
        show_errors(form, error)
        return _page(request, selected, form, status=422)
    if is_confirmed:
        return _redirect_to_results(request, results, said_of(form))
    return _page(request, selected, form, results=results)


def _shown(request: HttpRequest, selected: list[AccessRequest]) -> HttpResponse:
    """Show the form, or what came of it; what can't be decided is left out, with a word.

    Once the form is sent all stay: a request that was decided meanwhile says so in the preview.
    """
    if "done" in request.GET and (results := _stored_results(request, selected)):
        form = BulkForm(repo=selected[0].repo)
        return _page(request, selected, form, results=results, is_done=True)
    going = [case for case in selected if is_decidable(case)]
    left_out = [case for case in selected if not is_decidable(case)]
    if not going:
        return _nothing(request, left_out)
    return _page(request, going, BulkForm(repo=going[0].repo), left_out=left_out)


def _nothing(request: HttpRequest, left_out: Sequence[AccessRequest]) -> HttpResponse:
    context = {"left_out": _with_badges(left_out), "nav_section": "queue"}
    return render(request, "access/queue_bulk_empty.html", context)


def _with_badges(cases: Sequence[AccessRequest]) -> list[tuple[AccessRequest, StatusBadge]]:
    return [(case, reviewer_badge(case)) for case in cases]


@posted_from("access:queue")
def undo(request: HttpRequest) -> HttpResponse:
    """Undo the decisions that the page of results lists, each whose mail hasn’t left."""
    actor, now = reviewer_of(request), timezone.now()
    selected = {case.pk: case for case in _selected(actor, request.POST.getlist("id"))}
    results = bulk_undo(actor=actor, request_ids=list(selected), now=now)
    undone = sum(result.outcome != "refused" for result in results)
    if undone:
        words = counted(undone, "decision")
        messages.success(request, f"{words} undone; no mail was sent.")
    for result in results:
        if result.outcome == "refused":
            reference = selected[result.request_id].reference
            messages.warning(request, f"{reference}: {result.why}")
    return redirect("access:queue")


def _redirect_to_results(
    request: HttpRequest, results: list[BulkResult], said: VerdictWords
) -> HttpResponse:
    """Store the results and redirect to them, so that a reload decides nothing again."""
    request.session[_RESULTS] = [asdict(result) for result in results]
    # The results stay in the session: an address that held them could be forged.
    query = [*(("id", result.request_id) for result in results), ("done", 1)]
    request.session[_SAID] = astuple(said)
    return redirect(f"{reverse('access:bulk')}?{urlencode(query)}")


def _stored_results(request: HttpRequest, selected: list[AccessRequest]) -> list[BulkResult]:
    """Return the stored results of these requests, or [] if other requests were decided since."""
    results = [BulkResult(**stored) for stored in request.session.get(_RESULTS, [])]
    decided_ids = {result.request_id for result in results}
    return results if decided_ids == {access_request.pk for access_request in selected} else []


def _selected(reviewer: User, ids: list[str]) -> list[AccessRequest]:
    """Return the selected requests that the reviewer may read, oldest first."""
    numbers = [int(text) for text in ids[:MOST_READ] if text.isdecimal() and len(text) < 19]
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk__in=numbers)
    related = readable.select_related(
        "repo__namespace", "collection__namespace", "applicant", "organization"
    )
    chosen = Prefetch("chosen", ModelRepo.objects.with_names())
    rows = related.prefetch_related(chosen).defer("searched")
    return list(rows.order_by("submitted_at", "pk"))


def _terms(form: BulkForm) -> BulkTerms:
    cleaned = form.cleaned_data
    until = cleaned["until"]
    return BulkTerms(
        verdict=Decision.Verdict(cleaned["verdict"]),
        modes=tuple(cleaned["modes"]),
        expires_at=end_of_day(until) if until else None,
        quotas=form.quotas(),
        reason_code=cleaned["reason_code"],
        reason_text=cleaned["reason_text"],
    )


def _page(
    request: HttpRequest,
    selected: list[AccessRequest],
    form: BulkForm,
    *,
    status: int = 200,
    results: list[BulkResult] | None = None,
    is_done: bool = False,
    left_out: Sequence[AccessRequest] = (),
) -> HttpResponse:
    reviewer, now = reviewer_of(request), timezone.now()
    is_valid = form.is_bound and form.is_valid()
    said = VerdictWords(*request.session.get(_SAID, ("", ""))) if is_done else said_of(form)
    context: dict[str, Any] = {
        "form": form,
        "rows": rows_of(selected, results or [], said, reviewer, now=now, is_done=is_done),
        "left_out": _with_badges(left_out),
        "previewed": digest_of(form, selected) if is_valid and results is not None else "",
        "was_changed": "confirm" in request.POST and is_valid and results is not None,
        "verb": said.verb,
        "undoable_ids": undoable_among(results, now) if is_done else [],
        "gives_models": any(case.collection_id for case in selected),
        "quotas_by_default": quota_words(defaults_of(settings_of(selected[0].repo))),
        "has_results": results is not None,
        "is_done": is_done,
        "goes": sum(result.outcome != "refused" for result in results or []),
        "nav_section": "queue",
        "now": now,
    }
    return render(request, "access/queue_bulk.html", context, status=status)
