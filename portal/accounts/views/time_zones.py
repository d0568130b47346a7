"""The time zone in which a reader sees times: the one they chose, else their browser's.

Both are cookies, since they are about this browser, like the theme. A script notes the browser's.
"""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from portal.accounts.forms import TimeZoneForm
from portal.forms.pages import posted_from

YEAR_SECONDS = 365 * 24 * 60 * 60
CHOSEN_COOKIE, BROWSER_COOKIE = "time_zone", "browser_zone"


@cache
def zone_names() -> tuple[str, ...]:
    """Return the names of places, such as Asia/Tokyo, and UTC; without the older abbreviations."""
    places = {name for name in available_timezones() if "/" in name}
    return ("UTC", *sorted(name for name in places if not name.startswith(("Etc/", "SystemV/"))))


def chosen_zone(request: HttpRequest) -> str:
    """Return the name of the zone that this reader chose; "" for the browser's."""
    return _known(request.COOKIES.get(CHOSEN_COOKIE, ""))


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """Return the zone in which this reader sees times; None where it isn't known."""
    name = chosen_zone(request) or _known(request.COOKIES.get(BROWSER_COOKIE, ""))
    return ZoneInfo(name) if name else None


def _known(name: str) -> str:
    """Return the name if it is a zone's: a cookie may hold anything, a path too."""
    return name if name in available() else ""


@cache
def available() -> frozenset[str]:
    return frozenset(available_timezones())


@posted_from("accounts:profile")
def choose_time_zone(request: HttpRequest) -> HttpResponse:
    """Remember the chosen zone, or forget it for the browser's."""
    response = redirect("accounts:profile")
    form = TimeZoneForm(request.POST, zones=zone_names())
    if not form.is_valid():
        messages.error(request, _("There is no such time zone here. Choose one of the list."))
        return response
    name = form.cleaned_data["time_zone"]
    if not name:
        response.delete_cookie(CHOSEN_COOKIE)
        messages.success(request, _("Times are shown in the time zone of this browser."))
        return response
    response.set_cookie(
        CHOSEN_COOKIE,
        name,
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    messages.success(request, _("Times are shown in the time zone %(name)s.") % {"name": name})
    return response
