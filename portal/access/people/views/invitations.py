"""Pages of an invitation: to accept it by its link, and to send or withdraw it."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from portal.access.models import Invitation
from portal.access.people.accepting import (
    accept_invitation,
    accept_own_invitation,
    invitation_of,
    is_addressee,
    own_invitation,
)
from portal.access.people.managing import resend_invitation, withdraw_invitation
from portal.access.people.places import may_manage
from portal.accounts.models import User
from portal.accounts.views import signed_in
from portal.errors import FieldErrors
from portal.forms.pages import posted_from


def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Show an invitation to whoever has its link, and take the addressee's acceptance.

    Opening the link changes nothing, since mail scanners follow links: the button accepts.
    """
    invited, person = invitation_of(secret, now=timezone.now()), request.user
    if request.method == "POST" and not isinstance(person, User):
        return redirect_to_login(request.path)

    def accept() -> Invitation:
        return accept_invitation(person=signed_in(request), secret=secret, now=timezone.now())

    return _accepting(request, invited, accept)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Show an invitation to whoever has proved its address, and take their acceptance."""
    person, now = signed_in(request), timezone.now()
    invited = own_invitation(person, invitation_id, now=now)

    def accept() -> Invitation:
        return accept_own_invitation(person=person, invitation_id=invitation_id, now=now)

    return _accepting(request, invited, accept)


def _accepting(
    request: HttpRequest, invited: Invitation, accept: Callable[[], Invitation]
) -> HttpResponse:
    refusal, person = "", request.user
    if request.method == "POST":
        try:
            accepted = accept()
        except FieldErrors as error:
            refusal = error.message
        else:
            messages.success(request, _welcome(accepted))
            return redirect(_begins_at(accepted))
    context = {
        "invitation": invited,
        "refusal": refusal,
        "is_addressee": isinstance(person, User) and is_addressee(person, invited),
        "back": urlencode({"next": request.path}),
        "enter_next": request.path,
    }
    status = 422 if refusal else 200
    response = render(request, "access/invitation.html", context, status=status)
    add_never_cache_headers(response)
    return response


def _welcome(accepted: Invitation) -> str:
    if accepted.role == Invitation.Role.GUEST:
        return "You may read this request now, and vote on it until it is decided."
    return f"You are now {accepted.in_words}."


def place_of(request: HttpRequest, invitation_id: int) -> str:
    """Return the page that lists an invitation to whoever manages it, and that of labs to others.

    Its address names the model or the lab, which may be private.
    """
    invited = Invitation.objects.select_related("namespace", "repo__namespace", "request__repo")
    listed = invited.filter(pk=invitation_id).first()
    if listed is None or not may_manage(signed_in(request), listed, timezone.now()):
        return reverse("site:labs")
    return _listed_at(listed)


@posted_from(place_of)
def withdraw(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Withdraw an invitation."""
    invited = withdraw_invitation(
        actor=signed_in(request), invitation_id=invitation_id, now=timezone.now()
    )
    messages.success(request, f"The invitation to {invited.email} is withdrawn.")
    return redirect(_listed_at(invited))


@posted_from(place_of)
def again(request: HttpRequest, invitation_id: int) -> HttpResponse:
    """Send an invitation again."""
    invited = resend_invitation(
        actor=signed_in(request), invitation_id=invitation_id, now=timezone.now()
    )
    messages.success(request, f"A new link is on its way to {invited.email}. The old one ended.")
    return redirect(_listed_at(invited))


def _listed_at(invited: Invitation) -> str:
    if invited.namespace is not None:
        return reverse("site:lab", args=[invited.namespace.name])
    if invited.repo is not None:
        return reverse("access:gate", args=[invited.repo.namespace.name, invited.repo.name])
    if invited.request_id is not None:
        return reverse("access:case", args=[invited.request_id])
    return reverse("site:operators")


def _begins_at(accepted: Invitation) -> str:
    """Return the page at which the work of a role begins."""
    if accepted.role == Invitation.Role.OPERATOR:
        return reverse("site:labs")
    if accepted.role == Invitation.Role.PUBLISHER:
        return _listed_at(accepted)
    if accepted.request_id is not None:
        return reverse("access:case", args=[accepted.request_id])
    return reverse("access:queue")
