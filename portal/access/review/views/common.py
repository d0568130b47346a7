"""What the pages that act on a case share: who may, the case as it is, the case again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from portal.access.errors import ConflictOfInterest, RequestNotFound
from portal.access.models import AccessRequest
from portal.access.policy.request_actions import RequestAction, require_action
from portal.access.review.queue.filters import Filters, filters_from
from portal.access.review.queue.listing import has_queue
from portal.access.review.queue.position import next_to_decide
from portal.access.review.views.case import case_context, undo_context
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.errors import Conflict, DomainError, FieldErrors, Forbidden
from portal.fields import show_errors

Do = Callable[[datetime], object]


def reviewer_of(request: HttpRequest) -> User:
    """Who is signed in, if there is a queue for them at all."""
    person = signed_in(request)
    if not has_queue(person):
        raise Forbidden("The queue is for the people who review a model’s requests.")
    return person


def readable_case(reviewer: User, request_id: int) -> AccessRequest:
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk=request_id)
    found: AccessRequest | None = readable.select_related(
        "repo__namespace", "applicant", "organization"
    ).first()
    if found is None:
        raise RequestNotFound
    return found


def case_page(
    request: HttpRequest,
    reviewer: User,
    access_request: AccessRequest,
    *,
    status: int = 200,
    notice: str = "",
    failed: tuple[str, forms.Form | None] | None = None,
) -> HttpResponse:
    """Render the case; ``failed`` names the form that was sent back, or that is to stand open."""
    now, filters = timezone.now(), carried_filters(request)
    context = case_context(access_request, reviewer, filters, now=now, failed=failed)
    context |= undo_context(reviewer, now) | {"notice": notice}
    return render(request, "access/case.html", context, status=status)


def attempt(
    request: HttpRequest,
    access_request: AccessRequest,
    name: str,
    form: forms.Form | None,
    do: Do,
    *,
    act: RequestAction | None = None,
) -> HttpResponse | None:
    """Do it. None when it is done; else the case again, with what stood in the way.

    ``act``: what the service asks for. It is asked here where the form itself is wrong, so that a
    case that has moved on says so first.
    """
    reviewer = signed_in(request)
    try:
        if form is None or form.is_valid():
            do(timezone.now())
            return None
        if act is not None:
            require_action(reviewer, access_request, act, timezone.now())
    except FieldErrors as error:
        if form is None:
            return _refused(request, reviewer, access_request, error)
        show_errors(form, error)
    except (Conflict, ConflictOfInterest) as error:
        return _refused(request, reviewer, access_request, error)
    failed = (name, form) if form is not None else None
    return case_page(request, reviewer, access_request, status=422, failed=failed)


def _refused(
    request: HttpRequest, reviewer: User, access_request: AccessRequest, error: DomainError
) -> HttpResponse:
    fresh = readable_case(reviewer, access_request.pk)
    return case_page(request, reviewer, fresh, status=error.status, notice=error.message)


def onward(request: HttpRequest, access_request: AccessRequest, said: str) -> HttpResponse:
    """Redirect to the next undecided case of the list; to the list when there is none."""
    if said:
        messages.success(request, said)
    filters, now = carried_filters(request), timezone.now()
    following = next_to_decide(access_request, signed_in(request), filters, now)
    if following:
        return to_case(request, following)
    return redirect(reverse("access:queue") + filters.query)


def to_case(request: HttpRequest, request_id: int) -> HttpResponse:
    """Redirect to a case, within the list that it was opened from."""
    return redirect(reverse("access:case", args=[request_id]) + carried_filters(request).query)


def carried_filters(request: HttpRequest) -> Filters:
    """Read from the address which list of the queue this case was opened from."""
    return filters_from(request.GET.dict())
