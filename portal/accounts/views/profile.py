"""Page of a person's profile, which leads to the rest of their account."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.accounts.forms import KeysForm, LanguageForm, ProfileForm, TimeZoneForm
from portal.accounts.services import change_name
from portal.accounts.views import signed_in
from portal.accounts.views.time_zones import YEAR_SECONDS, chosen_zone, zone_names
from portal.forms.pages import posted_from
from portal.forms.submitting import accepts, form_page

KEYS_COOKIE = "keys"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Show and change the name that a person signs with."""
    person = signed_in(request)
    form = ProfileForm(request.POST or None, initial={"name": person.name})

    def change() -> None:
        change_name(person=person, name=form.cleaned_data["name"], now=timezone.now())

    if accepts(form, change):
        messages.success(request, _("Your name is saved."))
        return redirect("accounts:profile")
    context = {
        "form": form,
        "keys": KeysForm(initial={"keys": keys_on(request)}),
        "languages_form": LanguageForm(initial={"language": get_language()}),
        "zones": TimeZoneForm(initial={"time_zone": chosen_zone(request)}, zones=zone_names()),
    }
    return form_page(request, "accounts/profile.html", context)


def keys_on(request: HttpRequest) -> bool:
    """Tell whether keyboard shortcuts of a single key are on; voice control can set them off."""
    return request.COOKIES.get(KEYS_COOKIE) != "off"


@posted_from("accounts:profile")
def choose_keys(request: HttpRequest) -> HttpResponse:
    """Remember the choice in a cookie, since it is about this browser, like the theme."""
    response = redirect("accounts:profile")
    if "keys" in request.POST:
        response.delete_cookie(KEYS_COOKIE)
        messages.success(request, _("Keyboard shortcuts are on again."))
        return response
    response.set_cookie(
        KEYS_COOKIE,
        "off",
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    messages.success(request, _("Keyboard shortcuts are off in this browser."))
    return response
