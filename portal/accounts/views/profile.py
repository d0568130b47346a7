"""What a person may correct about themselves, and the ways to the rest of their account."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from portal.accounts.forms import KeysForm, ProfileForm
from portal.accounts.services import change_name
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from

KEYS_COOKIE = "keys"
YEAR_SECONDS = 365 * 24 * 60 * 60


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """The name that a person signs with, and the ways to the rest of their account."""
    person = signed_in(request)
    form = ProfileForm(request.POST or None, initial={"name": person.name})
    if request.method == "POST" and form.is_valid():
        change_name(person=person, name=form.cleaned_data["name"], now=timezone.now())
        messages.success(request, "Your name is kept.")
        return redirect("accounts:profile")
    status = 422 if form.errors else 200
    context = {"form": form, "keys": KeysForm(initial={"keys": keys_on(request)})}
    return render(request, "accounts/profile.html", context, status=status)


def keys_on(request: HttpRequest) -> bool:
    """Whether single keys act on pages; who speaks to their machine may need them not to."""
    return request.COOKIES.get(KEYS_COOKIE) != "off"


@posted_from("accounts:profile")
def choose_keys(request: HttpRequest) -> HttpResponse:
    """Keep the choice in a cookie: it is about this browser, like the theme."""
    response = redirect("accounts:profile")
    if "keys" in request.POST:
        response.delete_cookie(KEYS_COOKIE)
        messages.success(request, "Single keys act on pages again.")
        return response
    response.set_cookie(
        KEYS_COOKIE,
        "off",
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    messages.success(request, "Single keys do nothing from now on, in this browser.")
    return response
