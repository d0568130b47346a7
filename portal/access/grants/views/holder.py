"""A person's own grants: the list, one grant's page, and what its holder does with it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from portal.access.errors import GrantIsOver, GrantNotFound, NotRenewable
from portal.access.grants.detail import RELATED, grant_context, seen_by
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.forms import CloseForm, EndGrantForm, RenewForm
from portal.access.grants.newer_text import can_sign_newer, sign_newer_version
from portal.access.grants.offers import accept_offer, decline_offer, require_open
from portal.access.grants.pending_actions import invitations_to
from portal.access.grants.renewals import needs_review, renew_grant, why_not_renewable
from portal.access.grants.status_marks import conditions_in_words, state_for
from portal.access.grants.views.signatures import blank, posted
from portal.access.models import Grant, Membership, Renewal
from portal.access.requests.form.answers import modes_label
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.signing import licence_in_force
from portal.access.requests.views.common import CHECK_FIRST, licence_context, proved_or_said
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.formatting import whole_date
from portal.forms.fields import show_errors
from portal.forms.pages import posted_from

PAGE_SIZE = 20


@login_required
@require_safe
def grants(request: HttpRequest) -> HttpResponse:
    """Mine and those I work under, the latest end first."""
    person, now = signed_in(request), timezone.now()
    joined = {"memberships__joined_at__isnull": False, "memberships__ended_at": None}
    working = Q(memberships__person=person, **joined)
    found = Grant.objects.filter(Q(person=person) | working).told().distinct()
    found = found.select_related(*RELATED)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    held = Membership.objects.held().filter(person=person, grant__in=[each.pk for each in page])
    stopped = {membership.grant_id: membership for membership in held}
    rows = [
        {
            "grant": grant,
            "state": state_for(grant, stopped.get(grant.pk), now),
            "modes": modes_label(grant.modes),
            "mine": grant.person_id == person.pk,
        }
        for grant in page
    ]
    context = {"page": page, "rows": rows, "invitations": invitations_to(person, now), "now": now}
    return render(request, "access/grants.html", context)


@login_required
@require_safe
def grant(request: HttpRequest, grant_id: int) -> HttpResponse:
    """Everything about one grant."""
    person, now = signed_in(request), timezone.now()
    seen = seen_by(person, grant_id, now)
    context = grant_context(seen, now) | {"end_form": EndGrantForm()}
    return render(request, "access/grant.html", context)


def _own(request: HttpRequest, grant_id: int) -> Grant:
    mine = Grant.objects.filter(person=signed_in(request)).select_related(*RELATED)
    found: Grant | None = mine.filter(pk=grant_id).first()
    if found is None:
        raise GrantNotFound
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, grant_id: int) -> HttpResponse:
    """The terms exactly, and the text to sign; signing opens the model at once."""
    person, now, offered = signed_in(request), timezone.now(), _own(request, grant_id)
    if not offered.is_offer:
        return redirect("access:grant", grant_id)
    require_open(offered, now)
    version = licence_in_force(offered.repo, now=now)
    if request.method != "POST":
        return _sign_page(request, "offer", offered, blank(SignatureForm, version), now)
    form, signature = posted(request, person, [version])
    if signature is None:
        return _sign_page(request, "offer", offered, form, now)
    accept = partial(accept_offer, person=person, grant_id=grant_id, signature=signature, now=now)
    accepted = proved_or_said(form, accept)
    if accepted is None:
        return _sign_page(request, "offer", offered, form, now)
    until = whole_date(offered.expires_at)
    opened = f"Signed. {offered.repo.full_name} is open to you until {until}."
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
    messages.success(request, "You declined the offer. You may ask again at any time.")
    return redirect("access:grant", grant_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest, grant_id: int) -> HttpResponse:
    """The report and the signature that renew a grant."""
    person, now, held = signed_in(request), timezone.now(), _own(request, grant_id)
    if held.renewals.filter(decided_at=None).exists():
        return redirect("access:grant", grant_id)
    if said := why_not_renewable(held, now):
        raise NotRenewable(said, help_url=f"/grants/{grant_id}")
    version = licence_in_force(held.repo, now=now)
    more = {"decided_by_people": needs_review(held, version)}
    if request.method != "POST":
        return _sign_page(request, "renew", held, blank(RenewForm, version), now, **more)
    form, signature = posted(request, person, [version], RenewForm)
    if signature is None:
        return _sign_page(request, "renew", held, form, now, **more)
    file_it = partial(
        renew_grant,
        holder=person,
        grant_id=grant_id,
        report=form.cleaned_data["report"],
        publications=form.cleaned_data["publications"],
        signature=signature,
        now=now,
    )
    renewal = proved_or_said(form, file_it)
    if renewal is None:
        return _sign_page(request, "renew", held, form, now, **more)
    _tell_filed(request, renewal)
    return redirect("access:grant", grant_id)


def _tell_filed(request: HttpRequest, renewal: Renewal) -> None:
    renewed = Grant.objects.filter(parent=renewal.grant).first()
    if not renewal.outcome:
        messages.success(request, f"Sent. Answer due {whole_date(renewal.due_at)}.")
    elif renewed is not None:
        _tell_signed(request, renewed, "Renewed. Nothing stops in between.")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def newer(request: HttpRequest, grant_id: int) -> HttpResponse:
    """The newer text of the licence, to go on under it."""
    person, now, held = signed_in(request), timezone.now(), _own(request, grant_id)
    if not can_sign_newer(held, now):
        said = "There’s no newer text to sign for this grant."
        raise GrantIsOver(said, help_url=f"/grants/{grant_id}")
    version = licence_in_force(held.repo, now=now)
    if request.method != "POST":
        return _sign_page(request, "newer", held, blank(SignatureForm, version), now)
    form, signature = posted(request, person, [version])
    if signature is None:
        return _sign_page(request, "newer", held, form, now)
    sign_it = partial(
        sign_newer_version, person=person, grant_id=grant_id, signature=signature, now=now
    )
    signed = proved_or_said(form, sign_it)
    if signed is None:
        return _sign_page(request, "newer", held, form, now)
    _tell_signed(request, signed, f"Signed. You go on under {version}.")
    return redirect("access:grant", signed.pk)


WORDS = {
    "offer": ("Sign the terms", "Sign and open the access"),
    "renew": ("Renew your access", "Sign and renew"),
    "newer": ("Sign the newer text", "Sign and go on"),
}


def _sign_page(
    request: HttpRequest, kind: str, held: Grant, form: SignatureForm, now: datetime, **more: Any
) -> HttpResponse:
    title, act = WORDS[kind]
    context: dict[str, Any] = {
        "kind": kind,
        "title": title,
        "act": act,
        "grant": held,
        "repo": held.repo,
        "modes": modes_label(held.modes),
        "conditions": conditions_in_words(held),
        "form": form,
        "now": now,
        **more,
        **licence_context(form.version),
    }
    status = 422 if form.errors else 200
    return render(request, "access/offer.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def close(request: HttpRequest, grant_id: int) -> HttpResponse:
    """The statement with which a holder ends a grant."""
    person, now, held = signed_in(request), timezone.now(), _own(request, grant_id)
    form = CloseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            close_grant(holder=person, grant_id=grant_id, now=now, **form.cleaned_data)
        except FieldErrors as error:
            show_errors(form, error)
        else:
            messages.success(request, "Closed. The team has your statement.")
            return redirect("access:grant", grant_id)
    context = {"grant": held, "repo": held.repo, "form": form, "now": now}
    status = 422 if form.errors else 200
    return render(request, "access/grant_close.html", context, status=status)
