"""Pages of a question to a reference: to answer it by its link, and to send or cancel it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.errors import NoSuchReference, ReferenceClosed
from portal.accounts.forms import ReferenceAddressForm, ReferenceAnswerForm
from portal.accounts.services.references import (
    answer_reference,
    answered_reference,
    cancel_reference,
    readdress_reference,
    reference_asked,
    resend_reference,
    returned_reference,
)
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data


@require_http_methods(["GET", "HEAD", "POST"])
def reference(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the question to a reference, and take the answer.

    Opening the link changes nothing, since mail scanners follow links: the form answers.
    """
    if request.method != "POST" and (answered := answered_reference(secret)):
        return _page(request, {"asked": answered, "answered": answered}, 200)
    try:
        return _question(request, secret, timezone.now())
    except (NoSuchReference, ReferenceClosed) as error:
        return _page(request, {"closed": error.message}, error.status)


def _question(request: HttpRequest, secret: str, now: datetime) -> HttpResponse:
    form = ReferenceAnswerForm(posted_data(request))
    question = reference_asked(secret, now=now)
    if request.method == "POST" and form.is_valid():
        answer_reference(secret=secret, now=now, **form.cleaned_data)
        return redirect("accounts:reference", secret)
    return _page(request, {"asked": question, "form": form}, 422 if form.errors else 200)


def _page(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    response = render(request, "accounts/reference.html", context, status=status)
    add_never_cache_headers(response)
    return response


@posted_from("accounts:affiliations")
def resend(request: HttpRequest, reference_id: int) -> HttpResponse:
    """Send the question again."""
    reference = resend_reference(
        person=signed_in(request), reference_id=reference_id, now=timezone.now()
    )
    messages.success(
        request, _("The question is on its way to %(email)s again.") % {"email": reference.email}
    )
    return redirect("accounts:affiliations")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def address(request: HttpRequest, reference_id: int) -> HttpResponse:
    """Take another address of a reference, whose letter came back, and send the question there."""
    person, now = signed_in(request), timezone.now()
    reference = returned_reference(person=person, reference_id=reference_id)
    form = ReferenceAddressForm(posted_data(request), initial={"email": reference.email})

    def send() -> None:
        email = form.cleaned_data["email"]
        readdress_reference(person=person, reference_id=reference_id, email=email, now=now)

    if accepts(form, send):
        messages.success(
            request,
            _("The question is on its way to %(form)s.") % {"form": form.cleaned_data["email"]},
        )
        return redirect("accounts:affiliations")
    context = {"form": form, "reference": reference}
    return form_page(request, "accounts/reference_address.html", context)


@posted_from("accounts:affiliations")
def cancel(request: HttpRequest, reference_id: int) -> HttpResponse:
    """Cancel the question."""
    reference = cancel_reference(
        person=signed_in(request), reference_id=reference_id, now=timezone.now()
    )
    messages.success(
        request,
        _("The question to %(name)s is cancelled; its link has ended.") % {"name": reference.name},
    )
    return redirect("accounts:affiliations")
