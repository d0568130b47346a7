"""The theme that a person chose, kept in a cookie; without one the system's is followed."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from portal.forms.pages import back_from, posted_from
from portal.site.context import THEME_COOKIE, THEMES

YEAR_SECONDS = 365 * 24 * 60 * 60


@posted_from("site:home", anyone=True)
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice and go back to where it was made."""
    response = HttpResponseRedirect(back_from(request))
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        response.delete_cookie(THEME_COOKIE)
        return response
    response.set_cookie(
        THEME_COOKIE,
        theme,
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response
