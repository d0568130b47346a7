"""Middleware: every DomainError becomes an answer here, and answers to a person stay private."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from portal.accounts.tokens.authentication import is_browser
from portal.catalog.errors import RepoMoved
from portal.errors import DomainError, Invalid
from portal.surfaces.answers import answer
from portal.surfaces.surface import Surface, surface_of

BEARER = "Bearer"
BASIC = 'Basic realm="a token as the password", charset="UTF-8"'


def _moved(error: RepoMoved, request: HttpRequest) -> HttpResponse:
    """Redirect to the same address under the repo's present name, with its method and body."""
    here = request.get_full_path()
    there = here.replace(error.moved_from, error.moved_to, 1)
    if here == there:  # the old name was spelt with escapes, so it can't be replaced
        return answer(error, request)
    return HttpResponseRedirect(f"{settings.BASE_URL}{there}", preserve_request=True)


def _has_nul(form: QueryDict) -> bool:
    return any("\0" in name or any("\0" in value for value in form.getlist(name)) for name in form)


READABLE_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1")


class DomainErrorMiddleware(MiddlewareMixin):
    """A middleware that answers each DomainError in the form of its surface."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Refuse a charset that doesn't contain ASCII: Django would break as it reads the form."""
        charset = (request.content_params or {}).get("charset", "utf-8").lower()
        if charset in READABLE_CHARSETS:
            return None
        error = Invalid(_("That charset isn’t read here. Send what you send as UTF-8."))
        return answer(error, request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, names: object
    ) -> HttpResponse | None:
        """Refuse U+0000 in addresses and forms: PostgreSQL takes none, and no text needs it.

        Programs' bodies are read by ``portal.parsing``, which does the same.
        """
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            text = _("An address may not hold the character U+0000. Look for a stray %00 in it.")
        elif surface_of(request) is Surface.PAGE and _has_nul(request.POST):
            text = _("A field holds the character U+0000, which no text may hold. Type it anew.")
        else:
            return None
        return answer(Invalid(text), request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if isinstance(error, RepoMoved) and surface_of(request) in (Surface.HUB, Surface.PAGE):
            return _moved(error, request)
        return answer(error, request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Name the schemes on each 401: some clients send credentials only once they are asked."""
        refused = response.status_code == HTTPStatus.UNAUTHORIZED
        if refused and surface_of(request) is not Surface.PAGE:
            schemes = BEARER if is_browser(request) else f"{BASIC}, {BEARER}"
            response["WWW-Authenticate"] = schemes
        return response


class PrivateByDefaultMiddleware(MiddlewareMixin):
    """A middleware that keeps answers to a person or a token out of every cache.

    A view that sets Cache-Control itself keeps its word.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        # Cookies and headers are asked instead of request.user, which would cost a query.
        is_personal = (
            settings.SESSION_COOKIE_NAME in request.COOKIES
            or "Authorization" in request.headers
            or bool(response.cookies)
        )
        if is_personal:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
