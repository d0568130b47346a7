"""The lists, for the operators who keep them; and a human's word on a request they hold back."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.errors import RequestNotFound
from portal.access.grants.checks.forms import ClearForm
from portal.access.models import AccessRequest, Screening, ScreeningEntry
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.access.review.screening_clearance import dispose_screening
from portal.access.review.screening_forms import EntryForm, ImportForm
from portal.access.screening.lists import (
    ListImport,
    add_entry,
    import_entries,
    read_lines,
    remove_entry,
    require_operator,
)
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from

PAGE_SIZE = 50
MOST_SHOWN = 100  # lines of a dry run


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def entries(request: HttpRequest) -> HttpResponse:
    """The lines that stand, and one more."""
    operator = signed_in(request)
    require_operator(operator)
    form = EntryForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            add_entry(actor=operator, now=timezone.now(), **form.cleaned_data)
        except FieldErrors as error:
            show_errors(form, error)
        else:
            messages.success(request, "The line stands. Submissions from now on are held to it.")
            return redirect("access:screening")
    standing = ScreeningEntry.objects.filter(removed_at=None).select_related("added_by")
    if q := request.GET.get("q", "").strip().replace("\x00", ""):
        standing = standing.filter(value__icontains=q)
    page = Paginator(standing.order_by("kind", "value"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = {"page": page, "form": form, "q": q}
    status = 422 if form.errors else 200
    return render(request, "access/screening.html", context, status=status)


@posted_from("access:screening")
def remove(request: HttpRequest, entry_id: int) -> HttpResponse:
    remove_entry(actor=signed_in(request), entry_id=entry_id, now=timezone.now())
    messages.success(request, "The line is off the lists.")
    return redirect("access:screening")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_lines(request: HttpRequest) -> HttpResponse:
    """A file is read first, and added once what it would do has been seen."""
    operator = signed_in(request)
    require_operator(operator)
    form, found = ImportForm(_posted(request)), None
    if request.method == "POST" and form.is_valid():
        try:
            found = _import(request, operator, form.cleaned_data["lines"])
        except FieldErrors as error:
            show_errors(form, error)
        else:
            if found is None:
                return redirect("access:screening")
    context = {"form": form, "found": found, "most": MOST_SHOWN}
    status = 422 if form.errors else 200
    return render(request, "access/screening_import.html", context, status=status)


def _import(request: HttpRequest, operator: User, text: str) -> ListImport | None:
    """What it would do; None once it is done."""
    if request.POST.get("act") != "add":
        return read_lines(text)
    done = import_entries(actor=operator, lines=text, now=timezone.now())
    messages.success(request, f"{len(done.new)} lines added; {done.known} stood already.")
    return None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def dispose(request: HttpRequest, request_id: int) -> HttpResponse:
    """What the lists have a hit on, and the word that clears it."""
    reviewer = signed_in(request)
    access_request = _case(reviewer, request_id)
    form = ClearForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["text"]
        dispose_screening(actor=reviewer, request_id=request_id, text=text, now=timezone.now())
        messages.success(request, f"{access_request.reference} is clear, and in review.")
        return redirect("access:case", request_id)
    screenings = Screening.objects.filter(submission__request=access_request)
    context = {
        "case": access_request,
        "repo": access_request.repo,
        "screenings": screenings.select_related("submission", "disposed_by").order_by("-pk"),
        "form": form,
        "may_dispose": RequestAction.DISPOSE
        in allowed_actions(reviewer, access_request, timezone.now()),
        "nav_section": "queue",
    }
    status = 422 if form.errors else 200
    return render(request, "access/case_screening.html", context, status=status)


def _posted(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _case(reviewer: User, request_id: int) -> AccessRequest:
    readable = AccessRequest.objects.readable_by(reviewer).filter(pk=request_id)
    found: AccessRequest | None = readable.select_related("repo__namespace", "applicant").first()
    if found is None:
        raise RequestNotFound
    return found
