"""Pages of the checks: screening hits of holders and members, and the form that clears them."""

from __future__ import annotations

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
from portal.forms.submitting import accepts, form_page, posted_data

PAGE_SIZE = 50


@login_required
@require_safe
def checks(request: HttpRequest) -> HttpResponse:
    """List the open checks of the models that the reader administers."""
    now = timezone.now()
    page = Paginator(checks_of(signed_in(request), now), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    context = {"page": page, "now": now}
    return render(request, "access/checks.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, screening_id: int) -> HttpResponse:
    """Show one check, with its hits and the form that clears it."""
    person, now = signed_in(request), timezone.now()
    screening = check_for(person, screening_id, now)
    form = ClearForm(posted_data(request))

    def clear() -> None:
        clear_check(actor=person, screening_id=screening_id, now=now, **form.cleaned_data)

    if accepts(form, clear):
        messages.success(request, "Cleared. They have a letter.")
        return redirect("access:checks")
    context = {
        "check": screening,
        "grant": screening.under,
        "repo": screening.under.repo,
        "person": screening.person,
        "end_form": EndGrantForm(),
        "form": form,
        "is_open": Screening.objects.open_at(now).filter(pk=screening.pk).exists(),
        "now": now,
    }
    return form_page(request, "access/check.html", context)
