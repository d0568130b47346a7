"""Show what the screening lists have on holders and members of grants, and clear it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.grants.checks.clearing import check_for, checks_of, clear_check
from portal.access.grants.checks.forms import ClearForm
from portal.access.grants.forms import EndGrantForm
from portal.access.models import Screening
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.forms.fields import show_errors

PAGE_SIZE = 50


@login_required
@require_safe
def checks(request: HttpRequest) -> HttpResponse:
    """List the open checks of the models that the reader administers."""
    now = timezone.now()
    found = checks_of(signed_in(request), now)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "now": now}
    return render(request, "access/checks.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, screening_id: int) -> HttpResponse:
    """Show one check, with what the lists have and the form that clears it."""
    person, now = signed_in(request), timezone.now()
    screening = check_for(person, screening_id, now)
    form = ClearForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["text"]
        try:
            clear_check(actor=person, screening_id=screening_id, text=text, now=now)
        except FieldErrors as error:
            show_errors(form, error)
        else:
            messages.success(request, "Cleared. They have a letter.")
            return redirect("access:checks")
    context = _context(screening) | {
        "form": form,
        "is_open": Screening.objects.open_at(now).filter(pk=screening.pk).exists(),
        "now": now,
    }
    return render(request, "access/check.html", context, status=422 if form.errors else 200)


def _context(screening: Screening) -> dict[str, Any]:
    return {
        "check": screening,
        "grant": screening.under,
        "repo": screening.under.repo,
        "person": screening.person,
        "end_form": EndGrantForm(),
    }
