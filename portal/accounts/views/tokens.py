"""A person's tokens: made here, shown once, revoked here."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from portal.accounts.forms import TokenForm
from portal.accounts.models import AccessToken, User
from portal.accounts.scopes import scopes_of
from portal.accounts.services import issue_token, revoke_token
from portal.accounts.views import signed_in
from portal.pages import posted_from

PAGE_SIZE = 20
SOON = timedelta(days=14)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Listed, and made. The answer to making one holds its secret, and is kept nowhere."""
    owner, now = signed_in(request), timezone.now()
    form = TokenForm(request.POST or None, scopes=scopes_of(owner))
    made: AccessToken | None = None
    secret = ""
    if request.method == "POST" and form.is_valid():
        made, secret = issue_token(owner=owner, now=now, **form.cleaned_data)
        form = TokenForm(scopes=scopes_of(owner))
    context = {
        "form": form,
        "made": made,
        "secret": secret,
        "page": _own_tokens(owner, request.GET.get("page"), now),
        "base_url": settings.BASE_URL,
        "proved": owner.has_verified_email,
        "now": now,
    }
    response = render(request, "accounts/tokens.html", context, status=422 if form.errors else 200)
    add_never_cache_headers(response)
    return response


def _own_tokens(owner: User, number: str | None, now: datetime) -> Page[AccessToken]:
    """A page of them; each says whether it has lapsed or is about to."""
    lapsed = {"lapsed": Q(expires_at__lte=now), "lapses_soon": Q(expires_at__lte=now + SOON)}
    return Paginator(AccessToken.objects.filter(user=owner).annotate(**lapsed), PAGE_SIZE).get_page(
        number
    )


@posted_from("accounts:tokens")
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    token = revoke_token(owner=signed_in(request), token_id=token_id, now=timezone.now())
    messages.success(request, f"“{token.name}” is revoked. Whatever used it is cut off.")
    return redirect("accounts:tokens")
