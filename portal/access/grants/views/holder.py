"""Pages of a person's own grants: the list, one grant, and what its holder does with it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.errors import GrantIsOver, GrantNotFound, NotRenewable
from portal.access.grants.detail import RELATED, grant_context, seen_by
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.forms import CloseForm, EndGrantForm, RenewForm
from portal.access.grants.newer_text import can_sign_newer, sign_newer_version
from portal.access.grants.offers import accept_offer, decline_offer, require_open
from portal.access.grants.renewals import needs_review, renew_grant, why_not_renewable
from portal.access.grants.status_badges import conditions_in_words
from portal.access.models import Grant, Renewal
from portal.access.policy.covered import licensed_repo, opened_words, quotas_in_words
from portal.access.requests.form.answers import modes_label
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.signing import Signature
from portal.access.requests.views.common import CHECK_FIRST, licence_context, sign
from portal.accounts.views import signed_in
from portal.catalog.services.licences import require_version_in_force
from portal.formatting import whole_date
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data
from portal.text.languages import speak_english

PAGE_SIZE = 20


@login_required
@require_safe
def grant(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Show everything about one grant."""
    person, now = signed_in(request), timezone.now()
    seen = seen_by(person, grant_id, now)
    if seen.is_by_team:
        speak_english(request)
    context = grant_context(seen, now) | {"end_form": EndGrantForm()}
    return render(request, "access/grant.html", context)


def _own(request: HttpRequest, grant_id: int) -> Grant:
    own = Grant.objects.filter(person=signed_in(request)).told(timezone.now())
    grant: Grant | None = own.select_related(*RELATED).filter(pk=grant_id).first()
    if grant is None:
        raise GrantNotFound
    return grant


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Show the terms of an offer with the text to sign, and take the signature."""
    person, now, offered = signed_in(request), timezone.now(), _own(request, grant_id)
    if not offered.is_offer:
        return redirect("access:grant", grant_id)
    require_open(offered, now)

    def accept(form: SignatureForm, signature: Signature) -> Grant:
        return accept_offer(person=person, grant_id=grant_id, signature=signature, now=now)

    page = partial(_sign_page, request, "offer", offered, now)
    accepted = sign(
        request, [require_version_in_force(licensed_repo(offered), now=now)], page, accept
    )
    if isinstance(accepted, HttpResponse):
        return accepted
    until = whole_date(offered.expires_at)
    opened = gettext("Signed. %(opened_words)s to you until %(until)s.") % {
        "opened_words": opened_words(offered),
        "until": until,
    }
    _tell_signed(request, accepted, opened)
    return redirect("access:grant", grant_id)


def _tell_signed(request: HttpRequest, grant: Grant, opened: str) -> None:
    if grant.is_held:
        messages.info(request, CHECK_FIRST)
    else:
        messages.success(request, opened)


@posted_from("access:grant", "grant_id")
def offer_decline(request: HttpRequest, grant_id: int) -> HttpResponse:
    decline_offer(person=signed_in(request), grant_id=grant_id, now=timezone.now())
    messages.success(request, gettext("You declined the offer. You may ask again at any time."))
    return redirect("access:grant", grant_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Take the report and the signature that renew a grant."""
    person, now, grant = signed_in(request), timezone.now(), _own(request, grant_id)
    if grant.renewals.filter(decided_at=None).exists():
        return redirect("access:grant", grant_id)
    if obstacle := why_not_renewable(grant, now):
        raise NotRenewable(obstacle, help_url=f"/grants/{grant_id}")
    version = require_version_in_force(licensed_repo(grant), now=now)

    def file(form: SignatureForm, signature: Signature) -> Renewal:
        report = form.cleaned_data["report"]
        publications = form.cleaned_data["publications"]
        return renew_grant(
            holder=person,
            grant_id=grant_id,
            report=report,
            publications=publications,
            signature=signature,
            now=now,
        )

    by_people = needs_review(grant, version)
    page = partial(_sign_page, request, "renew", grant, now, decided_by_people=by_people)
    renewal = sign(request, [version], page, file, RenewForm)
    if isinstance(renewal, HttpResponse):
        return renewal
    _tell_filed(request, renewal)
    return redirect("access:grant", grant_id)


def _tell_filed(request: HttpRequest, renewal: Renewal) -> None:
    renewed = Grant.objects.filter(parent=renewal.grant).first()
    if not renewal.outcome:
        messages.success(
            request,
            gettext("Sent. Answer due %(renewal)s.") % {"renewal": whole_date(renewal.due_at)},
        )
    elif renewed is not None:
        _tell_signed(request, renewed, gettext("Renewed. Nothing stops in between."))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def newer(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Show the newer text of a grant's licence, and take the signature."""
    person, now, grant = signed_in(request), timezone.now(), _own(request, grant_id)
    if not can_sign_newer(grant, now):
        message = gettext("There’s no newer text to sign for this grant.")
        raise GrantIsOver(message, help_url=f"/grants/{grant_id}")
    version = require_version_in_force(licensed_repo(grant), now=now)

    def sign_newer(form: SignatureForm, signature: Signature) -> Grant:
        return sign_newer_version(person=person, grant_id=grant_id, signature=signature, now=now)

    page = partial(_sign_page, request, "newer", grant, now)
    signed = sign(request, [version], page, sign_newer)
    if isinstance(signed, HttpResponse):
        return signed
    _tell_signed(
        request, signed, gettext("Signed. You go on under %(version)s.") % {"version": version}
    )
    return redirect("access:grant", signed.pk)


WORDS = {
    "offer": (_("Sign the terms"), _("Sign and open the access")),
    "renew": (_("Renew your access"), _("Sign and renew")),
    "newer": (_("Sign the newer text"), _("Sign and go on")),
}


def _sign_page(
    request: HttpRequest, kind: str, grant: Grant, now: datetime, form: SignatureForm, **more: Any
) -> HttpResponse:
    title, button = WORDS[kind]
    context: dict[str, Any] = {
        "kind": kind,
        "title": title,
        "act": button,
        "grant": grant,
        "repo": grant.repo,
        "modes": modes_label(grant.modes),
        "conditions": conditions_in_words(grant),
        "quotas": quotas_in_words(grant),
        "form": form,
        "now": now,
        **more,
        **licence_context(form.version),
    }
    return form_page(request, "access/offer.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Take the statement with which a holder closes a grant."""
    person, now, grant = signed_in(request), timezone.now(), _own(request, grant_id)
    form = CloseForm(posted_data(request))

    def close_it() -> None:
        close_grant(holder=person, grant_id=grant_id, now=now, **form.cleaned_data)

    if accepts(form, close_it):
        messages.success(request, gettext("Closed. The team has your statement."))
        return redirect("access:grant", grant_id)
    context = {"grant": grant, "repo": grant.repo, "form": form, "now": now}
    return form_page(request, "access/grant_close.html", context)
