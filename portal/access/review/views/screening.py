"""The pages of sanctions screening: operators edit the lists, reviewers clear held requests."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.access.grants.checks.forms import ClearForm
from portal.access.models import Screening, ScreeningEntry
from portal.access.policy.request_actions import RequestAction, allowed_actions
from portal.access.review.screening_clearance import dispose_screening
from portal.access.review.screening_forms import EntryForm, ImportForm
from portal.access.review.views.common import readable_request
from portal.access.screening.lists import (
    ListImport,
    add_entry,
    import_entries,
    read_lines,
    remove_entry,
)
from portal.accounts.models import User
from portal.accounts.operating import KEEP_LISTS, require_operator
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from

PAGE_SIZE = 50
MOST_SHOWN = 100  # entries that a dry run lists


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def entries(request: HttpRequest) -> HttpResponse:
    """List the entries, and add one."""
    operator = signed_in(request)
    require_operator(operator, KEEP_LISTS)
    form = EntryForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            add_entry(actor=operator, now=timezone.now(), **form.cleaned_data)
        except FieldErrors as error:
            show_errors(form, error)
        else:
            messages.success(request, "The line is added. New submissions are screened against it.")
            return redirect("access:screening")
    entries = ScreeningEntry.objects.filter(removed_at=None).select_related("added_by")
    if q := request.GET.get("q", "").strip().replace("\x00", ""):
        entries = entries.filter(value__icontains=q)
    paginator = Paginator(entries.order_by("kind", "value"), PAGE_SIZE)
    page = paginator.get_page(request.GET.get("page"))
    context = {"page": page, "form": form, "q": q}
    status = 422 if form.errors else 200
    return render(request, "access/screening.html", context, status=status)


@posted_from("access:screening")
def remove(request: HttpRequest, entry_id: int) -> HttpResponse:
    remove_entry(actor=signed_in(request), entry_id=entry_id, now=timezone.now())
    messages.success(request, "The line is removed from the lists.")
    return redirect("access:screening")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_lines(request: HttpRequest) -> HttpResponse:
    """Show what an import would add, and add it once the operator has confirmed."""
    operator = signed_in(request)
    require_operator(operator, KEEP_LISTS)
    form, preview = ImportForm(_posted(request)), None
    if request.method == "POST" and form.is_valid():
        try:
            preview = _import(request, operator, form.cleaned_data["lines"])
        except FieldErrors as error:
            show_errors(form, error)
        else:
            if preview is None:
                return redirect("access:screening")
    context = {"form": form, "found": preview, "most": MOST_SHOWN}
    status = 422 if form.errors else 200
    return render(request, "access/screening_import.html", context, status=status)


def _import(request: HttpRequest, operator: User, text: str) -> ListImport | None:
    """Return a preview of the import, or None once the lines are added."""
    if request.POST.get("act") != "add":
        return read_lines(text)
    imported = import_entries(actor=operator, lines=text, now=timezone.now())
    messages.success(request, f"{len(imported.new)} lines added; {imported.known} were listed.")
    return None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def dispose(request: HttpRequest, request_id: int) -> HttpResponse:
    """Show the hits of a request's screenings, and clear them with a written reason."""
    reviewer = signed_in(request)
    access_request = readable_request(reviewer, request_id)
    form = ClearForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["text"]
        dispose_screening(actor=reviewer, request_id=request_id, text=text, now=timezone.now())
        messages.success(request, f"{access_request.reference} is cleared and in review.")
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
