"""Load a case for its reviewer and render its page."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from portal.access.errors import RequestNotFound
from portal.access.models import AccessRequest
from portal.access.review.queue.filters import Filters, filters_from
from portal.access.review.queue.listing import has_queue
from portal.access.review.views.case import case_context, undo_context
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.database.once import still_reading_once
from portal.errors import Forbidden


def reviewer_of(request: HttpRequest) -> User:
    """Return the signed-in user. Raise Forbidden if they have no queue."""
    reviewer = signed_in(request)
    if not has_queue(reviewer):
        raise Forbidden("The queue is for the people who review a model’s requests.")
    return reviewer


def readable_request(reviewer: User, request_id: int) -> AccessRequest:
    """Return a request that the reviewer may read. Raise RequestNotFound for any other."""
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk=request_id)
    access_request: AccessRequest | None = (
        readable.select_related(
            "repo__namespace", "collection__namespace", "applicant", "organization", "appeal"
        )
        .prefetch_related("escalations")
        .first()
    )
    if access_request is None:
        raise RequestNotFound
    return access_request


def case_page(
    request: HttpRequest,
    reviewer: User,
    access_request: AccessRequest,
    *,
    status: int = 200,
    notice: str = "",
    unsent: Sequence[tuple[str, str]] = (),
    failed: tuple[str, forms.Form | None] | None = None,
) -> HttpResponse:
    """Render the page of a case; ``failed`` is the dialog that is open on it (``case_context``).

    ``unsent``: the labels and texts of what the reviewer typed into a dialog that can't be sent.
    """
    now, filters = timezone.now(), carried_filters(request)
    with still_reading_once():
        context = case_context(access_request, reviewer, filters, now=now, failed=failed)
        context |= undo_context(reviewer, now) | {"notice": notice, "unsent": unsent}
        return render(request, "access/case.html", context, status=status)


def carried_filters(request: HttpRequest) -> Filters:
    """Return the filters of the list that the case was opened from, which its address carries."""
    return filters_from(request.GET.dict())
