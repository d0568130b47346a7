"""Page of a person's access tokens: issue one, see its secret once, revoke one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from portal.accounts.forms import TokenForm
from portal.accounts.models import AccessToken, User
from portal.accounts.services import issue_token, revoke_token
from portal.accounts.tokens.scopes import scopes_of
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.forms.submitting import form_page

PAGE_SIZE = 20
SOON = timedelta(days=14)
MADE_COOKIE, MADE_SECONDS = "made_token", 60


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """List and issue tokens. The next page shows the secret once; it is stored nowhere."""
    owner, now = signed_in(request), timezone.now()
    form = TokenForm(request.POST or None, scopes=scopes_of(owner))
    if request.method == "POST" and form.is_valid():
        token, secret = issue_token(owner=owner, now=now, **form.cleaned_data)
        return show_once(redirect("accounts:tokens"), token, secret)
    # An answer to a form with errors is kept for Back: the secret waits for the next page.
    is_answer = request.method == "POST"
    made, secret = (None, "") if is_answer else _just_made(request, owner)
    context = {
        "form": form,
        "made": made,
        "secret": secret,
        "page": _own_tokens(owner, request.GET.get("page"), now),
        "base_url": settings.BASE_URL,
        "proved": owner.has_verified_email,
        "now": now,
    }
    response = form_page(request, "accounts/tokens.html", context)
    if not is_answer:
        response.delete_cookie(MADE_COOKIE, path=reverse("accounts:tokens"))
    add_never_cache_headers(response)
    return response


def show_once(response: HttpResponse, token: AccessToken, secret: str) -> HttpResponse:
    """Pass the secret to the next page by a cookie, so that the server never stores it."""
    response.set_signed_cookie(
        MADE_COOKIE,
        f"{token.pk} {secret}",
        max_age=MADE_SECONDS,
        path=reverse("accounts:tokens"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


def _just_made(request: HttpRequest, owner: User) -> tuple[AccessToken | None, str]:
    """Read the token that was issued a moment ago with its secret, which is shown this once."""
    cookie = request.get_signed_cookie(MADE_COOKIE, default="", max_age=MADE_SECONDS) or ""
    key, _, secret = cookie.partition(" ")
    made = AccessToken.objects.filter(user=owner, pk=key).first() if secret else None
    return (made, secret) if made else (None, "")


def _own_tokens(owner: User, number: str | None, now: datetime) -> Page[AccessToken]:
    """Return a page of an owner's tokens, each with whether it has expired or will soon."""
    lapsed = {"lapsed": Q(expires_at__lte=now), "lapses_soon": Q(expires_at__lte=now + SOON)}
    return Paginator(AccessToken.objects.filter(user=owner).annotate(**lapsed), PAGE_SIZE).get_page(
        number
    )


@posted_from("accounts:tokens")
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke a token."""
    token = revoke_token(owner=signed_in(request), token_id=token_id, now=timezone.now())
    messages.success(
        request,
        gettext("“%(name)s” is revoked. Whatever used it is cut off.") % {"name": token.name},
    )
    return redirect("accounts:tokens")
