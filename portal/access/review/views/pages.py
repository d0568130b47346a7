"""The two pages that reviewers read: the queue, and a case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

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
from portal.database.once import reading_once

DENSITY_COOKIE = "queue_rows"  # set by the page's script; the page alone reads it


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
    now = timezone.now()
    with reading_once():
        reviewer = reviewer_of(request)
        return render(request, "access/queue.html", _queue_context(request, reviewer, now))


def _queue_context(request: HttpRequest, reviewer: User, now: datetime) -> dict[str, Any]:
    filters = filters_from(request.GET.dict())
    listed = queue_of(reviewer, filters, now=now)
    return {
        "queue": listed,
        "start": next((row.access_request.pk for row in listed.rows if row.may_start), None),
        "is_whole": listed.before is None and listed.after is None,
        "is_compact": request.COOKIES.get(DENSITY_COOKIE) == "compact",
        "team_repos": {repo.pk for repo in listed.repos},
        "filters": filters,
        "carried": filters.query,
        "standings": STANDINGS,
        "evidence": EVIDENCE,
        "groupings": GROUPINGS,
        "sectors": Sector.choices,
        "nothing_waits": SimpleLazyObject(lambda: _nothing_waits(reviewer)),
        "check_count": checks_of(reviewer, now).count(),
        "now": now,
        **undo_context(reviewer, now),
    }


@login_required
@require_safe
def case(request: HttpRequest, request_id: int) -> HttpResponse:
    """Show everything that a decision needs on one page; ``?open=`` names a dialog to open."""
    part = request.GET.get("open", "")
    opened = (part, None) if part in DIALOGS else None
    with reading_once():
        reviewer = reviewer_of(request)
        return case_page(request, reviewer, readable_request(reviewer, request_id), failed=opened)
