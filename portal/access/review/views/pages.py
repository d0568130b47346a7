"""The two pages that reviewers read: the queue, and a case."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe
from django_countries import countries

from portal.access.grants.checks.clearing import checks_of
from portal.access.review.forms import DIALOGS
from portal.access.review.queue.filters import EVIDENCE, GROUPINGS, STANDINGS, filters_from
from portal.access.review.queue.listing import queue_of
from portal.access.review.queue.paging import with_other_teams
from portal.access.review.views.case import undo_context
from portal.access.review.views.common import (
    case_page,
    readable_request,
    reviewer_of,
)
from portal.accounts.models import Sector, User


def _nothing_waits(reviewer: User) -> str:
    """Say why the queue is empty: everything is decided, or what waits is with other teams."""
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
        "standings": STANDINGS,
        "evidence": EVIDENCE,
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
    """Show everything that a decision needs on one page; ``?open=`` names a dialog to open."""
    reviewer = reviewer_of(request)
    part = request.GET.get("open", "")
    opened = (part, None) if part in DIALOGS else None
    return case_page(request, reviewer, readable_request(reviewer, request_id), failed=opened)
