"""A DomainError becomes the answer of the surface that met it, here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    HttpResponseServerError,
    JsonResponse,
    QueryDict,
)
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from django.views.defaults import bad_request as django_bad_request
from django.views.defaults import page_not_found
from rest_framework.response import Response
from rest_framework.views import exception_handler
from whitenoise.middleware import WhiteNoiseMiddleware

from portal.access.errors import Refused
from portal.access.policy.permissions import Reason
from portal.accounts.errors import UnknownToken
from portal.accounts.tokens.authentication import bearer_secret, is_browser, is_opened_by_a_person
from portal.catalog.errors import (
    EntryNotFound,
    RepoExists,
    RepoMoved,
    RepoNotFound,
    RevisionNotFound,
)
from portal.delivery.errors import BudgetSpent
from portal.errors import Broken, DomainError, FieldErrors, Invalid, NotFound, TooLarge

BAD_CREDENTIALS = "Invalid credentials in Authorization header"  # the Hub's clients compare it


class Surface(Enum):
    PAGE = "page"
    HUB = "hub"
    OPENAI = "openai"
    REST = "rest"


SHOWN = re.compile("/[^/]+/[^/]+/(?:raw|picture)/")


def surface_of(request: HttpRequest) -> Surface:
    """Name the protocol that the answer is to be in. A file that a person opens is a page."""
    path = request.path
    if path.startswith("/v1/"):
        return Surface.OPENAI
    if path.startswith("/api/v1/"):
        return Surface.REST
    if "/resolve/" in path or SHOWN.match(path) or path.startswith("/-/d/"):
        return Surface.PAGE if is_opened_by_a_person(request) else Surface.HUB
    if path.startswith(("/api/", "/-/u/", "/v2/")) or ".git/" in path:
        return Surface.HUB
    return Surface.PAGE


LONGEST_LINE = 1000  # nginx takes 4 kB of headers from us, all together


def ascii_line(text: str) -> str:
    """A header's value: one line, printable ASCII, typographic signs spelt plainly."""
    plain = text.translate({0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: "-"})
    line = " ".join(plain.encode("ascii", "replace").decode().split())[:LONGEST_LINE]
    return "".join(each if each.isprintable() else "?" for each in line)


def _is_anonymous(request: HttpRequest) -> bool:
    return bearer_secret(request) is None


def _hub_code(error: DomainError) -> str | None:
    if isinstance(error, Refused):
        other = {Reason.NOT_FOUND: "RepoNotFound", Reason.NOT_TEAM: None}
        return other.get(error.refusal.reason, "GatedRepo")
    codes = {
        RepoNotFound: "RepoNotFound",
        RevisionNotFound: "RevisionNotFound",
        EntryNotFound: "EntryNotFound",
    }
    return next((code for kind, code in codes.items() if isinstance(error, kind)), None)


def _hub_status(error: DomainError, code: str | None, request: HttpRequest) -> HTTPStatus:
    if code in ("RepoNotFound", "GatedRepo") and _is_anonymous(request):
        return HTTPStatus.UNAUTHORIZED
    return HTTPStatus.NOT_FOUND if code == "RepoNotFound" else error.status


def hub_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    """What makes the Hub's clients raise their own right exception: headers, not bodies."""
    reason = line = error.refusal.line if isinstance(error, Refused) else error.message
    if isinstance(error, UnknownToken):
        line = BAD_CREDENTIALS
    code = _hub_code(error)
    if code == "GatedRepo" and isinstance(error, Refused):
        line = (
            f"Access to model {error.refusal.repo_name} is restricted and you are not in the "
            f"authorized list. {line}"
        )
    content = {"error": line}
    if isinstance(error, RepoExists):  # clients that don't mind go on from here
        content["url"] = f"{settings.BASE_URL}/{error.full_name}"
    response = JsonResponse(content, status=_hub_status(error, code, request))
    response["X-Error-Message"] = ascii_line(line)
    if code:
        response["X-Error-Code"] = code
    if code == "GatedRepo":
        # The command line shows its own words for this error; a warning it passes on.
        response["X-HF-Warning"] = f"access; {ascii_line(reason)}"
    if isinstance(error, BudgetSpent):
        response["RateLimit"] = f'"{error.resource}";r=0;t={error.retry_after_seconds}'
    if commit := getattr(error, "commit", ""):
        response["X-Repo-Commit"] = commit
    return _with_wait(response, error)


OPENAI_CODES = {
    HTTPStatus.UNAUTHORIZED: ("authentication_error", "invalid_api_key"),
    HTTPStatus.FORBIDDEN: ("permission_error", "no_access"),
    HTTPStatus.NOT_FOUND: ("invalid_request_error", "model_not_found"),
    HTTPStatus.TOO_MANY_REQUESTS: ("rate_limit_error", "rate_limit_exceeded"),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("server_error", "job_failed"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("server_error", ""),  # each says itself what is away
}


def openai_body(error: DomainError) -> tuple[int, dict[str, Any]]:
    """Status and body as the openai client reads them."""
    status = error.status
    message = error.message
    if isinstance(error, Refused):
        message = error.refusal.line
        if error.refusal.reason == Reason.NO_TOKEN:
            status = HTTPStatus.UNAUTHORIZED
        elif error.refusal.reason == Reason.NOT_FOUND:
            status = HTTPStatus.NOT_FOUND
    kind, code = OPENAI_CODES.get(status, ("invalid_request_error", error.code))
    content = {"message": message, "type": kind, "param": error.field, "code": code or error.code}
    return int(status), {"error": content}


def openai_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    status, body = openai_body(error)
    return _with_wait(JsonResponse(body, status=status), error)


def rest_body(error: DomainError) -> dict[str, Any]:
    fields = error.errors if isinstance(error, FieldErrors) else {}
    if error.field:
        fields = {error.field: error.message}
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "fields": fields,
            "help_url": error.help_url,
        }
    }


def rest_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    return _with_wait(JsonResponse(rest_body(error), status=error.status), error)


LEADS: dict[Reason | HTTPStatus, str] = {
    HTTPStatus.NOT_FOUND: "Look among the models, or sign in if you expected to see it here.",
    Reason.NO_REQUEST: "Its page says what is asked, who decides and how long it takes.",
    Reason.PENDING: "There is nothing you need to do. The page of your request has its history.",
    Reason.QUESTION: "The clock stands until you answer.",
    Reason.DECLINED: "You may correct what stood in the way and ask again at any time.",
    Reason.INVITED: "Each member signs in person; it opens at once.",
    Reason.CHECKED: "Your signature is kept. We write to you once the check is done.",
    Reason.EXPIRED: "Nothing else has changed: ask again, and a person reads it as before.",
    Reason.REVOKED: "What the licence asks of you after its end still holds.",
    Reason.SIGN: "Nobody needs to review you: sign once, and it opens at once.",
}


def page_answer(error: DomainError, request: HttpRequest) -> HttpResponse:
    """A refusal page: heading, what to do, one act. The same as a fragment for HTMX."""
    refusal = error.refusal if isinstance(error, Refused) else None
    status = error.status
    if refusal and refusal.reason == Reason.NOT_FOUND:
        status = HTTPStatus.NOT_FOUND
    context = {
        "status": int(status),
        "code": refusal.reason if refusal else error.code,
        "repo": refusal.repo_name if refusal and status != HTTPStatus.NOT_FOUND else "",
        "heading": refusal.heading if refusal else error.message,
        "text": LEADS.get(refusal.reason if refusal else status, ""),
        "reference": getattr(request, "http_request_id", ""),
        **_acts(error),
    }
    template = "_refusal.html" if getattr(request, "htmx", False) else "refusal.html"
    return _with_wait(render(request, template, context, status=status), error)


def _acts(error: DomainError) -> dict[str, str]:
    """Return what a refused person may do next. Who isn't signed in signs in and comes back."""
    label = error.refusal.act_label if isinstance(error, Refused) else error.act_label
    act = {"act_label": label, "act_url": error.help_url or "/"}
    if not isinstance(error, Refused) or error.refusal.reason != Reason.NO_TOKEN:
        return act
    back = urlencode({"next": f"/{error.refusal.repo_name}#files"})
    sign_in = {"act_label": "Sign in", "act_url": f"{reverse('account_login')}?{back}"}
    return sign_in | {"other_label": label, "other_url": error.help_url}


def _with_wait(response: HttpResponse, error: DomainError) -> HttpResponse:
    for name, value in waiting(error).items():
        response[name] = value
    return response


def waiting(error: DomainError) -> dict[str, str]:
    """Return the header that says when to try again, where the refusal passes by itself."""
    retry_after = getattr(error, "retry_after_seconds", None)
    return {"Retry-After": str(retry_after)} if retry_after else {}


ANSWERS: dict[Surface, Callable[[DomainError, HttpRequest], HttpResponse]] = {
    Surface.PAGE: page_answer,
    Surface.HUB: hub_answer,
    Surface.OPENAI: openai_answer,
    Surface.REST: rest_answer,
}


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's ``handler500``: what broke a program's call is told in the program's own form."""
    surface = surface_of(request)
    if surface is Surface.PAGE:
        context = {"reference": getattr(request, "http_request_id", "")}
        page = render_to_string("500.html", context)  # without what needs a request: it may be that
        return HttpResponseServerError(page)
    return ANSWERS[surface](Broken(), request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's ``handler400``: a body over the limit is a 413, in its surface's form."""
    if isinstance(exception, RequestDataTooBig):
        largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20
        error: DomainError = TooLarge(f"Send at most {largest} MB at once, in several requests.")
        return ANSWERS[surface_of(request)](error, request)
    if surface_of(request) is Surface.PAGE:  # met so early that nobody is known to be signed in
        return django_bad_request(request, exception)
    error = Invalid("This request can’t be read. Check how it was made, and send it again.")
    return ANSWERS[surface_of(request)](error, request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's ``handler404``, for addresses that nothing answers to."""
    surface = surface_of(request)
    if surface is Surface.PAGE:
        return page_not_found(request, exception)
    return ANSWERS[surface](NotFound("There’s nothing at this address."), request)


def _moved(error: RepoMoved, request: HttpRequest) -> HttpResponse:
    """The same address under the name that the repo has now; the method and body stay."""
    here = request.get_full_path()
    there = here.replace(error.moved_from, error.moved_to, 1)
    if here == there:  # spelt in another way than we read it
        return ANSWERS[surface_of(request)](error, request)
    return HttpResponseRedirect(f"{settings.BASE_URL}{there}", preserve_request=True)


def _has_nul(form: QueryDict) -> bool:
    return any("\0" in name or any("\0" in value for value in form.getlist(name)) for name in form)


READABLE_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1")


class DomainErrorMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Django would read a form in any charset, and break on those that aren't like ASCII."""
        charset = (request.content_params or {}).get("charset", "utf-8").lower()
        if charset in READABLE_CHARSETS:
            return None
        error = Invalid("That charset isn’t read here. Send what you send as UTF-8.")
        return ANSWERS[surface_of(request)](error, request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, names: object
    ) -> HttpResponse | None:
        """Refuse U+0000 in addresses and forms: PostgreSQL takes none, and no text needs it.

        Programs' bodies are read by ``portal.parsing``, which does the same.
        """
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            text = "An address may not hold the character U+0000. Look for a stray %00 in it."
        elif surface_of(request) is Surface.PAGE and _has_nul(request.POST):
            text = "A field holds the character U+0000, which no text may hold. Type it anew."
        else:
            return None
        return ANSWERS[surface_of(request)](Invalid(text), request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if isinstance(error, RepoMoved) and surface_of(request) in (Surface.HUB, Surface.PAGE):
            return _moved(error, request)
        return ANSWERS[surface_of(request)](error, request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Name what a program may send, on each 401: some send nothing before they are asked."""
        refused = response.status_code == HTTPStatus.UNAUTHORIZED
        if refused and surface_of(request) is not Surface.PAGE:
            schemes = BEARER if is_browser(request) else f"{BASIC}, {BEARER}"
            response["WWW-Authenticate"] = schemes
        return response


BEARER = "Bearer"
BASIC = 'Basic realm="a token as the password", charset="UTF-8"'


def drf_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF catches before the middleware can; hand ours through, let it have its own."""
    if isinstance(error, DomainError):
        return Response(rest_body(error), status=error.status)
    return exception_handler(error, context)


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


class AssetsMiddleware(MiddlewareMixin):
    """WhiteNoise for the addresses that are its own.

    Its middleware is synchronous: around everything, it would hold a thread for each stream.
    """

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        if not request.path_info.startswith(settings.STATIC_URL):
            return None
        return whitenoise()(request)


@cache
def whitenoise() -> Callable[[HttpRequest], HttpResponseBase | None]:
    middleware: Callable[[HttpRequest], HttpResponseBase | None]
    middleware = WhiteNoiseMiddleware(lambda request: None)
    return middleware
