"""Many cases at once: choose in the queue, see what would come of it, confirm."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.models import AccessRequest, Decision
from portal.access.review.bulk_forms import BulkForm
from portal.access.review.decisions.bulk import BulkResult, BulkTerms, bulk_decide
from portal.access.review.views.common import reviewer_of
from portal.accounts.models import User
from portal.errors import FieldErrors
from portal.forms.fields import end_of_day, show_errors

_RESULTS = "bulk_results"
MOST_READ = 200  # more numbers than this in one address are no choice of a person's


@login_required
@require_http_methods(["GET", "POST"])
def bulk(request: HttpRequest) -> HttpResponse:
    reviewer = reviewer_of(request)
    given = request.POST if request.method == "POST" else request.GET
    cases = _chosen(reviewer, given.getlist("id"))
    if not cases:
        messages.warning(request, "Choose requests in the queue first.")
        return redirect("access:queue")
    form = BulkForm(request.POST or None, repo=cases[0].repo)
    if request.method == "GET" and "done" in request.GET and (results := _kept(request, cases)):
        return _page(request, cases, form, results=results, is_done=True)
    if request.method == "GET" or not form.is_valid():
        return _page(request, cases, form, status=422 if form.is_bound else 200)
    is_confirmed = "confirm" in request.POST
    try:
        results = bulk_decide(
            reviewer=reviewer,
            request_ids=[each.pk for each in cases],
            terms=_terms(form),
            dry_run=not is_confirmed,
            now=timezone.now(),
        )
    except FieldErrors as error:
        show_errors(form, error)
        return _page(request, cases, form, status=422)
    if is_confirmed:
        return _done(request, results)
    return _page(request, cases, form, results=results)


def _done(request: HttpRequest, results: list[BulkResult]) -> HttpResponse:
    """Lead to what came of it, so that a reload decides nothing again."""
    request.session[_RESULTS] = [asdict(result) for result in results]
    query = [*(("id", result.request_id) for result in results), ("done", 1)]
    return redirect(f"{reverse('access:bulk')}?{urlencode(query)}")


def _kept(request: HttpRequest, cases: list[AccessRequest]) -> list[BulkResult]:
    """Read what came of these cases; nothing where others were decided since."""
    results = [BulkResult(**kept) for kept in request.session.get(_RESULTS, [])]
    is_of_these = {result.request_id for result in results} == {case.pk for case in cases}
    return results if is_of_these else []


def _chosen(reviewer: User, keys: list[str]) -> list[AccessRequest]:
    known = [int(key) for key in keys[:MOST_READ] if key.isdecimal() and len(key) < 19]
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk__in=known)
    found = readable.defer("searched").select_related(
        "repo__namespace", "applicant", "organization"
    )
    return list(found.order_by("submitted_at", "pk"))


def _terms(form: BulkForm) -> BulkTerms:
    given = form.cleaned_data
    until = given["until"]
    return BulkTerms(
        verdict=Decision.Verdict(given["verdict"]),
        modes=tuple(given["modes"]),
        expires_at=end_of_day(until) if until else None,
        reason_code=given["reason_code"],
        reason_text=given["reason_text"],
    )


def _page(
    request: HttpRequest,
    cases: list[AccessRequest],
    form: BulkForm,
    *,
    status: int = 200,
    results: list[BulkResult] | None = None,
    is_done: bool = False,
) -> HttpResponse:
    by_key = {each.request_id: each for each in results or []}
    context: dict[str, Any] = {
        "form": form,
        "rows": [(case, by_key.get(case.pk)) for case in cases],
        "has_results": results is not None,
        "is_done": is_done,
        "goes": sum(each.outcome != "refused" for each in results or []),
        "nav_section": "queue",
        "now": timezone.now(),
    }
    return render(request, "access/queue_bulk.html", context, status=status)
