"""Page of a person's affiliations: proofs, references that were asked, and how to get more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from portal.accounts.affiliations import addresses_of, organization_in_words
from portal.accounts.errors import AddressNeeded
from portal.accounts.forms import ReferenceForm
from portal.accounts.models import Affiliation, Reference, User
from portal.accounts.organizations.domains import domain_of, is_free_mail
from portal.accounts.questions import DAY
from portal.accounts.reference_origins import Origin, Origins
from portal.accounts.services.affiliations import RENEWABLE, prove_by_email
from portal.accounts.services.references import ask_reference
from portal.accounts.services.renewal import address_of_letter, ask_renewal, renew_by_letter
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data
from portal.outbox.models import OutboxMessage

PAGE_SIZE = 20
Method = Affiliation.Method
Mail = OutboxMessage.State


@dataclass(frozen=True)
class Proof:
    """A row of the list: a proof, its status, and whether a letter can renew it."""

    affiliation: Affiliation
    tone: str
    state: str
    icon: str
    how: str
    renewable: bool


NO_PROOF = {
    Origin.FREE_MAIL: _(
        "Anybody can have such an address: reviewers read the answer as a person’s word, but it "
        "doesn’t prove where you work. For a proof, name somebody with an address at the "
        "organization."
    ),
    Origin.OWN_MAILBOX: _(
        "The mailbox is your own, so the answer proves nothing. Name somebody else "
        "who knows that you work there."
    ),
}


@dataclass(frozen=True)
class AskedReference:
    """A row of the list: a question to a reference, its status, and what may be done with it.

    ``returned``: why its letter came back, or could not be sent; then the address can be mended.
    ``advice``: why its yes proves nothing, and what would.
    """

    reference: Reference
    tone: str
    state: str
    icon: str
    is_open: bool
    may_resend: bool
    returned: str = ""
    advice: str = ""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def affiliations(request: HttpRequest) -> HttpResponse:
    """List affiliations and references; the form asks another reference."""
    person, now = signed_in(request), timezone.now()
    form = ReferenceForm(posted_data(request))
    if accepts(form, partial(_ask, person, form, now)) and form.is_valid():
        email = form.cleaned_data["email"]
        messages.success(
            request, gettext("The question is on its way to %(email)s.") % {"email": email}
        )
        if is_free_mail(domain_of(email)):
            messages.warning(request, NO_PROOF[Origin.FREE_MAIL])
        return redirect("accounts:affiliations")
    context = _page(person, request.GET.get("page"), now)
    return form_page(request, "accounts/affiliations.html", {"form": form, **context})


def _ask(person: User, form: ReferenceForm, now: datetime) -> None:
    values = dict(form.cleaned_data)
    words = values.pop("organization")
    listed = organization_in_words(words)
    organization = {"organization_id": listed.pk} if listed else {"organization_name": words}
    try:
        ask_reference(person=person, now=now, **organization, **values)
    except AddressNeeded as error:
        form.add_error(None, error.message)


def _page(person: User, number: str | None, now: datetime) -> dict[str, Any]:
    proofs = Affiliation.objects.of(person).filter(ended_at=None).select_related("organization")
    references = Reference.objects.of(person).filter(cancelled_at=None).with_delivery()
    page = Paginator(references, PAGE_SIZE).get_page(number)
    origins = Origins.of(list(page))
    return {
        "proofs": [_proof(affiliation, now) for affiliation in proofs],
        "page": page,
        "asked": [_question(reference, origins, now) for reference in page],
        "addresses": addresses_of(person),
        "now": now,
    }


def _proof(affiliation: Affiliation, now: datetime) -> Proof:
    soon = affiliation.expires_at - now < RENEWABLE
    tone, state, icon = ("yes", gettext("Proved"), "done")
    if not affiliation.is_standing(now):
        tone, state, icon = ("calm", gettext("Ran out"), "clock")
    elif soon:
        tone, state, icon = ("wait", gettext("Runs out soon"), "clock")
    how = (
        (gettext("Address at %(evidence)s") % {"evidence": affiliation.evidence})
        if affiliation.method == Method.EMAIL
        else affiliation.evidence
    )
    if affiliation.method == Method.REVIEWER:
        how = gettext("A reviewer’s word")
    return Proof(affiliation, tone, state, icon, how, soon and affiliation.method == Method.EMAIL)


def _question(reference: Any, origins: Origins, now: datetime) -> AskedReference:
    advice = str(NO_PROOF.get(origins.origin(reference), ""))
    if reference.verdict == Reference.Verdict.CONFIRMED and advice:
        return AskedReference(
            reference, "wait", gettext("Proves nothing"), "warning", False, False, advice=advice
        )
    if reference.verdict == Reference.Verdict.CONFIRMED:
        return AskedReference(reference, "yes", gettext("Confirmed"), "done", False, False)
    if reference.verdict == Reference.Verdict.DENIED:
        return AskedReference(reference, "stop", gettext("Not confirmed"), "declined", False, False)
    may_resend = now - reference.sent_at >= DAY
    if reference.delivery in (Mail.BOUNCED, Mail.FAILED):
        state = (
            gettext("Came back")
            if reference.delivery == Mail.BOUNCED
            else gettext("Could not be sent")
        )
        reason = reference.delivery_error or gettext("no reason given")
        return AskedReference(reference, "stop", state, "warning", True, may_resend, reason)
    if reference.is_open(now):
        is_sent = reference.delivery == Mail.SENT
        state = gettext("Delivered, waits for an answer") if is_sent else gettext("On its way")
        return AskedReference(reference, "wait", state, "clock", True, may_resend, advice=advice)
    return AskedReference(reference, "calm", gettext("Never answered"), "clock", True, True)


@posted_from("accounts:affiliations")
def check(request: HttpRequest) -> HttpResponse:
    """Compare the person's addresses with the organizations again, which may have more by now."""
    proved = prove_by_email(person=signed_in(request), now=timezone.now())
    names = ", ".join(str(affiliation.organization) for affiliation in proved)
    text = (
        (gettext("Proved: %(names)s.") % {"names": names})
        if names
        else gettext("Your addresses prove nothing new.")
    )
    messages.success(request, text)
    return redirect("accounts:affiliations")


@posted_from("accounts:affiliations")
def renew(request: HttpRequest, affiliation_id: int) -> HttpResponse:
    """Send the letter by which a person renews an affiliation."""
    email = ask_renewal(
        person=signed_in(request), affiliation_id=affiliation_id, now=timezone.now()
    )
    messages.success(
        request,
        gettext("A letter is on its way to %(email)s. Follow its link.") % {"email": email},
    )
    return redirect("accounts:affiliations")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def prove(request: HttpRequest, signed: str) -> HttpResponse:
    """Renew an affiliation by that letter's link.

    Opening it changes nothing, since mail scanners follow links: the button renews.
    """
    person, now = signed_in(request), timezone.now()
    if request.method == "POST":
        renew_by_letter(person=person, signed=signed, now=now)
        messages.success(
            request, gettext("Thank you. Your affiliation is proved for another year.")
        )
        return redirect("accounts:affiliations")
    email = address_of_letter(person, signed, now=now)
    return render(request, "accounts/prove.html", {"email": email})
