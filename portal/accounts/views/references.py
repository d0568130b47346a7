"""The question to a reference: answered by whoever has its link, taken back by who asked."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from portal.accounts.forms import AnswerForm
from portal.accounts.services.references import (
    answer_reference,
    cancel_reference,
    reference_asked,
    resend_reference,
)
from portal.accounts.views import signed_in
from portal.pages import posted_from


@require_http_methods(["GET", "HEAD", "POST"])
def reference(request: HttpRequest, secret: str) -> HttpResponse:
    """To open it changes nothing: scanners of mail follow links. The form answers."""
    now = timezone.now()
    form = AnswerForm(request.POST if request.method == "POST" else None)
    asked = reference_asked(secret, now=now)
    context = {"asked": asked, "form": form}
    if request.method == "POST" and form.is_valid():
        context["answered"] = answer_reference(secret=secret, now=now, **form.cleaned_data)
    status = 422 if form.errors else 200
    response = render(request, "accounts/reference.html", context, status=status)
    add_never_cache_headers(response)
    return response


@posted_from("accounts:affiliations")
def resend(request: HttpRequest, reference_id: int) -> HttpResponse:
    asked = resend_reference(
        person=signed_in(request), reference_id=reference_id, now=timezone.now()
    )
    messages.success(request, f"The question is on its way to {asked.email} again.")
    return redirect("accounts:affiliations")


@posted_from("accounts:affiliations")
def cancel(request: HttpRequest, reference_id: int) -> HttpResponse:
    asked = cancel_reference(
        person=signed_in(request), reference_id=reference_id, now=timezone.now()
    )
    messages.success(request, f"The question to {asked.name} is taken back; its link has ended.")
    return redirect("accounts:affiliations")
