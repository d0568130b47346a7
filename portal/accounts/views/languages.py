"""The language in which a reader sees the pages, and gets letters: of the account, or a cookie."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.services import choose_language
from portal.accounts.views.time_zones import YEAR_SECONDS
from portal.forms.pages import back_from, posted_from
from portal.text.languages import is_offered


@posted_from("site:home", anyone=True)
def language(request: HttpRequest) -> HttpResponse:
    """Keep the choice for the account and in this browser, and go back to where it was made."""
    response = HttpResponseRedirect(back_from(request))
    code = request.POST.get("language", "")
    if not is_offered(code):
        messages.error(request, _("There is no such language here. Choose one of the list."))
        return response
    if isinstance(request.user, User):
        choose_language(person=request.user, language=code)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response
