"""Where a person works: what proves it, what waits, and the ways to more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.affiliations import addresses_of, organization_in_words
from portal.accounts.forms import ReferenceForm
from portal.accounts.models import Affiliation, Reference, User
from portal.accounts.questions import DAY
from portal.accounts.services.affiliations import RENEWABLE, prove_by_email
from portal.accounts.services.references import ask_reference
from portal.accounts.services.renewal import address_of_letter, ask_renewal, renew_by_letter
from portal.accounts.views import signed_in
from portal.errors import DomainError, FieldErrors
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from

PAGE_SIZE = 20
Method = Affiliation.Method


@dataclass(frozen=True)
class Proof:
    """A line of the list: the proof, how it stands, and whether a letter can renew it."""

    affiliation: Affiliation
    tone: str
    state: str
    icon: str
    how: str
    renewable: bool


@dataclass(frozen=True)
class Asked:
    """A question to a reference, how it stands, and what the person may still do."""

    reference: Reference
    tone: str
    state: str
    icon: str
    is_open: bool
    may_resend: bool


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def affiliations(request: HttpRequest) -> HttpResponse:
    """The list; its form asks a reference."""
    person, now = signed_in(request), timezone.now()
    form = ReferenceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _asked(person, form, now):
        email = form.cleaned_data["email"]
        messages.success(request, f"The question is on its way to {email}.")
        return redirect("accounts:affiliations")
    context = _page(person, request.GET.get("page"), now)
    status = 422 if form.errors else 200
    return render(request, "accounts/affiliations.html", {"form": form, **context}, status=status)


def _asked(person: User, form: ReferenceForm, now: datetime) -> bool:
    """Whether the question went out; the form says why not."""
    given = dict(form.cleaned_data)
    listed = organization_in_words(given.pop("organization"))
    words = form.cleaned_data["organization"]
    organization = {"organization_id": listed.pk} if listed else {"organization_name": words}
    try:
        ask_reference(person=person, now=now, **organization, **given)
    except FieldErrors as error:
        show_errors(form, error)
    except DomainError as error:
        form.add_error(None, error.message)
    return not form.errors


def _page(person: User, number: str | None, now: datetime) -> dict[str, Any]:
    kept = Affiliation.objects.of(person).filter(ended_at=None).select_related("organization")
    asked = Reference.objects.of(person).filter(cancelled_at=None)
    page = Paginator(asked, PAGE_SIZE).get_page(number)
    return {
        "proofs": _proofs(kept, now),
        "page": page,
        "asked": [_question(each, now) for each in page],
        "addresses": addresses_of(person),
        "now": now,
    }


def _proofs(kept: Iterable[Affiliation], now: datetime) -> list[Proof]:
    return [_proof(each, now) for each in kept]


def _proof(each: Affiliation, now: datetime) -> Proof:
    soon = each.expires_at - now < RENEWABLE
    tone, state, icon = ("yes", "Proved", "done")
    if not each.is_standing(now):
        tone, state, icon = ("calm", "Ran out", "clock")
    elif soon:
        tone, state, icon = ("wait", "Runs out soon", "clock")
    how = f"Address at {each.evidence}" if each.method == Method.EMAIL else each.evidence
    if each.method == Method.REVIEWER:
        how = "A reviewer’s word"
    return Proof(each, tone, state, icon, how, soon and each.method == Method.EMAIL)


def _question(each: Reference, now: datetime) -> Asked:
    if each.verdict == Reference.Verdict.CONFIRMED:
        return Asked(each, "yes", "Confirmed", "done", False, False)
    if each.verdict == Reference.Verdict.DENIED:
        return Asked(each, "stop", "Not confirmed", "declined", False, False)
    if each.is_open(now):
        return Asked(each, "wait", "Waits", "clock", True, now - each.sent_at >= DAY)
    return Asked(each, "calm", "Never answered", "clock", True, True)


@posted_from("accounts:affiliations")
def check(request: HttpRequest) -> HttpResponse:
    """Compare the person's addresses with the organizations again: the list may have grown."""
    proved = prove_by_email(person=signed_in(request), now=timezone.now())
    names = ", ".join(str(each.organization) for each in proved)
    text = f"Proved: {names}." if names else "Your addresses prove nothing new."
    messages.success(request, text)
    return redirect("accounts:affiliations")


@posted_from("accounts:affiliations")
def renew(request: HttpRequest, affiliation_id: int) -> HttpResponse:
    email = ask_renewal(
        person=signed_in(request), affiliation_id=affiliation_id, now=timezone.now()
    )
    messages.success(request, f"A letter is on its way to {email}. Follow its link.")
    return redirect("accounts:affiliations")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def prove(request: HttpRequest, signed: str) -> HttpResponse:
    """The link of that letter. To open it changes nothing: scanners of mail do."""
    person, now = signed_in(request), timezone.now()
    if request.method == "POST":
        renew_by_letter(person=person, signed=signed, now=now)
        messages.success(request, "Thank you. Your affiliation is proved for another year.")
        return redirect("accounts:affiliations")
    email = address_of_letter(person, signed, now=now)
    return render(request, "accounts/prove.html", {"email": email})
