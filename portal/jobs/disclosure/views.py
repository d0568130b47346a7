"""Pages of disclosures, for operators alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.views import signed_in
from portal.errors import InvalidTransition
from portal.forms.fields import LongText
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data
from portal.jobs.disclosure.models import JobDisclosure
from portal.jobs.disclosure.services import (
    ANSWER_PREFIX,
    NO_JOB,
    ask_disclosure,
    confirm_disclosure,
    disclosures_for,
    read_disclosed,
)
from portal.jobs.errors import DisclosureNotFound
from portal.text.lines import LineInput

PAGE_SIZE = 25


class DisclosureForm(forms.Form):
    use_required_attribute = False
    job = LineInput(
        label="Job",
        max_length=60,
        help_text="Its id, as in the log or in an answer of /v1.",
        error_messages={"required": "Give the id of one job."},
    )
    reason = LongText(
        label="Reason",
        help_text="The writer of the prompt reads it, with your name.",
        error_messages={"required": "Say why; the writer of the prompt reads it."},
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def clean_job(self) -> UUID:
        try:
            return UUID(self.cleaned_data["job"].strip().removeprefix(ANSWER_PREFIX))
        except ValueError:
            raise forms.ValidationError(NO_JOB) from None


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def disclosures(request: HttpRequest) -> HttpResponse:
    """List what operators asked to read, and take another request."""
    operator, now = signed_in(request), timezone.now()
    rows = disclosures_for(operator)
    form = DisclosureForm(posted_data(request), auto_id="%s")
    made: list[JobDisclosure] = []

    def ask() -> None:
        job_id, reason = form.cleaned_data["job"], form.cleaned_data["reason"]
        made.append(ask_disclosure(actor=operator, job_id=job_id, reason=reason, now=now))

    if accepts(form, ask):
        return redirect("jobs:disclosure", made[0].pk)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "by_two": settings.DISCLOSURE_BY_TWO}
    context["rows"] = [_row(disclosure) for disclosure in page]
    return form_page(request, "jobs/disclosures.html", context)


def _row(disclosure: JobDisclosure) -> dict[str, Any]:
    now = timezone.now()
    state = "over"
    if disclosure.is_open(now):
        state = "open"
    elif disclosure.awaits_another(now):
        state = "waits"
    return {"disclosure": disclosure, "state": state}


@require_safe
@login_required
def disclosure(request: HttpRequest, disclosure_id: int) -> HttpResponse:
    """Show one; to who asked for it, while it is open, with the texts, which is recorded."""
    operator, now = signed_in(request), timezone.now()
    row = disclosures_for(operator).filter(pk=disclosure_id).first()
    if row is None:
        raise DisclosureNotFound
    is_mine = row.asked_by == operator
    context: dict[str, Any] = {**_row(row), "is_mine": is_mine}
    if request.method == "GET" and is_mine and row.is_open(now):
        context["texts"] = read_disclosed(actor=operator, disclosure_id=row.pk, now=now)
    return render(request, "jobs/disclosure.html", context)


@posted_from("jobs:disclosure", "disclosure_id")
def confirm(request: HttpRequest, disclosure_id: int) -> HttpResponse:
    try:
        confirm_disclosure(
            actor=signed_in(request), disclosure_id=disclosure_id, now=timezone.now()
        )
    except InvalidTransition as error:
        messages.error(request, error.message)
    return redirect("jobs:disclosure", disclosure_id)
