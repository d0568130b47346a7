"""Pages of a grant's members: invite, join by signing, end."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.access.errors import GrantNotFound, MembershipNotFound
from portal.access.grants.checks.members import clear_member
from portal.access.grants.detail import Seen, seen_by
from portal.access.grants.forms import EndMembershipForm, InviteForm, MemberSignatureForm
from portal.access.grants.members.joining import invited, join_as_member, texts_for
from portal.access.grants.members.membership import (
    cap_of,
    invite_member,
    is_shareable,
    remove_member,
)
from portal.access.grants.status_badges import conditions_in_words, member_state
from portal.access.lifecycle import is_active
from portal.access.models import Membership
from portal.access.policy.covered import opened_words
from portal.access.requests.form.answers import modes_label
from portal.access.requests.form.forms import SignatureForm
from portal.access.requests.signing import Signature
from portal.access.requests.views.common import licence_context, sign
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page, posted_data
from portal.text.languages import speak_english

PAGE_SIZE = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, grant_id: int) -> HttpResponse:
    """List the members of a grant, with the form by which its holder invites."""
    person, now = signed_in(request), timezone.now()
    seen = seen_by(person, grant_id, now)
    if seen.is_by_team:
        speak_english(request)
    if not (seen.mine or seen.may_review):
        raise GrantNotFound
    form = InviteForm(posted_data(request))

    def invite() -> None:
        invite_member(holder=person, grant_id=grant_id, now=now, **form.cleaned_data)

    if accepts(form, invite):
        messages.success(request, _("Invited. The letter is on its way."))
        return redirect("access:members", grant_id)
    return form_page(request, "access/members.html", _context(request, seen, form, now))


def _context(request: HttpRequest, seen: Seen, form: InviteForm, now: datetime) -> dict[str, Any]:
    grant = seen.grant
    memberships = Membership.objects.filter(grant=grant).select_related("person")
    pages = Paginator(memberships.order_by("ended_at", "pk").reverse(), PAGE_SIZE)
    page = pages.get_page(request.GET.get("page"))
    standing = Membership.objects.standing().filter(grant=grant).count()
    cap = cap_of(grant)
    return {
        "seen": seen,
        "grant": grant,
        "repo": grant.repo,
        "page": page,
        "rows": [(membership, member_state(membership)) for membership in page],
        "standing": standing,
        "cap": cap,
        "left": max(cap - standing, 0),
        "shareable": is_shareable(grant),
        "may_invite": seen.mine and is_shareable(grant) and is_active(grant, now),
        "form": form,
        "end_form": EndMembershipForm(),
        "now": now,
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Show an invited person the licence, and take their signature as a member."""
    person, now = signed_in(request), timezone.now()
    membership = _invitation(person, membership_id)
    if membership.person_id is not None:
        return _onward(request, membership)

    def sign_and_join(form: SignatureForm, signature: Signature) -> Membership:
        return join_as_member(
            person=person, membership_id=membership_id, signature=signature, now=now
        )

    page = partial(_join_page, request, membership, now)
    joined = sign(request, texts_for(membership, now), page, sign_and_join, MemberSignatureForm)
    if isinstance(joined, HttpResponse):
        return joined
    if not joined.is_held:
        messages.success(
            request,
            _("Signed. %(opened_words)s to you.")
            % {"opened_words": opened_words(membership.grant)},
        )
    return _onward(request, joined)


def _onward(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Redirect a new member to the grant, or to the list of grants while a check holds them."""
    if not membership.is_held:
        return redirect("access:grant", membership.grant_id)
    messages.info(request, _("You signed. An extra check comes first; we write to you after it."))
    return redirect("site:access")


def _invitation(person: User, membership_id: int) -> Membership:
    related = ("grant__repo__namespace", "grant__person", "grant__acceptance__licence_version")
    standing = Membership.objects.standing().select_related(*related)
    membership: Membership | None = standing.filter(pk=membership_id).first()
    if membership is None or not invited(person, membership):
        raise MembershipNotFound
    if membership.grant.person_id == person.pk:
        raise MembershipNotFound
    return membership


def _join_page(
    request: HttpRequest, membership: Membership, now: datetime, form: SignatureForm
) -> HttpResponse:
    grant = membership.grant
    context = {
        "kind": "join",
        "title": _("Join as a member"),
        "act": _("Sign and join"),
        "membership": membership,
        "grant": grant,
        "repo": grant.repo,
        "modes": modes_label(grant.modes),
        "conditions": conditions_in_words(grant),
        "form": form,
        "now": now,
        **licence_context(form.version),
    }
    return form_page(request, "access/offer.html", context)


def _page_of(request: HttpRequest, membership_id: int) -> str:
    """Find the page where a membership is ended: its grant's, or its members' for others."""
    person = signed_in(request)
    membership = Membership.objects.filter(pk=membership_id).first()
    if membership is None:
        return reverse("site:access")
    if membership.person_id == person.pk:
        return reverse("access:grant", args=[membership.grant_id])
    return reverse("access:members", args=[membership.grant_id])


@posted_from(_page_of)
def end(request: HttpRequest, membership_id: int) -> HttpResponse:
    """End a membership, as the grant's holder, the member or an administrator of the model."""
    person = signed_in(request)
    try:
        ended = remove_member(
            actor=person,
            membership_id=membership_id,
            reason=request.POST.get("reason", ""),
            now=timezone.now(),
        )
    except FieldErrors as error:
        messages.error(request, error.message)
        return redirect("access:members", _grant_of(membership_id))
    if ended.person_id == person.pk:
        messages.success(request, _("You left. Your tokens that reached the model have ended."))
        return redirect("site:access")
    messages.success(request, _("Ended, with every token of theirs that reached the model."))
    return redirect("access:members", ended.grant_id)


@posted_from(_page_of)
def clear(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Clear a screening hit on a member, as an administrator of the model."""
    person, text = signed_in(request), request.POST.get("text", "")
    try:
        cleared = clear_member(
            actor=person, membership_id=membership_id, text=text, now=timezone.now()
        )
    except FieldErrors as error:
        messages.error(request, error.message)
        return redirect("access:members", _grant_of(membership_id))
    messages.success(request, _("Cleared. They are a member now, and both have a letter."))
    return redirect("access:members", cleared.grant_id)


def _grant_of(membership_id: int) -> int:
    return Membership.objects.values_list("grant", flat=True).get(pk=membership_id)
