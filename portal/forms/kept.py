"""Keep what a person typed into a form that couldn't be taken, until it is sent again.

A session that ended, or a form that was open too long, is no reason to lose an hour's writing. The
text waits in the session of the browser that sent it. Each form names who it was drawn for, signed
(``{% csrf_token %}`` writes it), so nobody else is shown the text who signs in there later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from portal.forms.pages import page_of

FIELD = "typed_by"
KEPT_FOR = timedelta(hours=2)
MOST_CHARACTERS = 64_000
_SESSION_KEY = "kept_form"
TICKED = "on"  # what a browser sends for a box without a value
_NEVER = ("csrfmiddlewaretoken", FIELD)
_SECRETS = ("password", "secret", "token", "code")
_NO_SECRETS = re.compile(r"(^|_)tokens_|_tokens$|^reason_code$")  # numbers of tokens, and a choice


@dataclass(frozen=True)
class KeptForm:
    """The address that the form was sent to, and its fields as they were typed.

    One that ``is_whole`` can be sent as it is; of another, something is kept nowhere.
    """

    address: str
    fields: list[tuple[str, str]]
    is_whole: bool

    @property
    def words(self) -> list[tuple[str, str]]:
        """Return the fields, each by its name as a person reads it; a tick is a word too."""
        texts = [(name, "ticked" if value == TICKED else value) for name, value in self.fields]
        return [(name.replace("_", " ").capitalize(), value) for name, value in texts]


def signer() -> signing.Signer:
    return signing.Signer(salt="portal.kept")


def keep_form(request: HttpRequest) -> bool:
    """Keep the fields of a form that was sent from a page of ours; False where nothing is kept."""
    typed_by, fields = _typed_by(request), _fields(request)
    if not (fields and typed_by and _may_keep(request, typed_by)):
        return False
    if not request.user.is_authenticated:
        request.session.set_expiry(KEPT_FOR)
    request.session[_SESSION_KEY] = {
        "address": request.path,
        "typed_by": typed_by,
        "until": (timezone.now() + KEPT_FOR).timestamp(),
        "fields": fields,
        "is_whole": _is_whole(request),
    }
    return True


def _fields(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what was typed and chosen, without what must lie nowhere; nothing if it's too much."""
    fields = [
        (name, value)
        for name in request.POST
        for value in request.POST.getlist(name)
        if value and name not in _NEVER and not _is_secret(name)
    ]
    size = sum(len(name) + len(value) for name, value in fields)
    return fields if size <= MOST_CHARACTERS else []


def _is_secret(name: str) -> bool:
    return any(word in name for word in _SECRETS) and not _NO_SECRETS.search(name)


def _is_whole(request: HttpRequest) -> bool:
    """Tell whether all that was sent is kept: no secret was left out, and no file."""
    left_out = (name for name in request.POST if name not in _NEVER and _is_secret(name))
    return not request.FILES and not any(request.POST[name] for name in left_out)


def _typed_by(request: HttpRequest) -> str:
    """Read whom the form was drawn for; an empty string where it doesn't say, or is made up."""
    try:
        return signer().unsign(request.POST.get(FIELD, ""))
    except signing.BadSignature:
        return ""


def is_signed_out(request: HttpRequest) -> bool:
    """Tell whether the form was drawn for somebody whose session has ended since."""
    return not request.user.is_authenticated and _typed_by(request).isdigit()


def _may_keep(request: HttpRequest, typed_by: str) -> bool:
    """Refuse what another site's page sent: it would put its words into the person's mouth."""
    if request.user.is_authenticated and str(request.user.pk) != typed_by:
        return False
    return request.headers.get("Origin", "") in (
        f"{request.scheme}://{request.get_host()}",
        *settings.CSRF_TRUSTED_ORIGINS,
    )


def kept_form(request: HttpRequest) -> KeptForm | None:
    """Return what this person typed into a form of this page and never got through."""
    stored = request.session.get(_SESSION_KEY)
    if stored is None or str(request.user.pk) != stored["typed_by"]:
        return None
    if stored["until"] < timezone.now().timestamp():
        return None
    if urlsplit(page_of(request, stored["address"])).path != request.path:
        return None
    fields = [(name, value) for name, value in stored["fields"]]
    return KeptForm(stored["address"], fields, stored.get("is_whole", False))


def is_form_kept(request: HttpRequest) -> bool:
    """Tell who signs in again that their text waits; what it is, only they are shown."""
    return not request.user.is_authenticated and _SESSION_KEY in request.session


def forget_form(request: HttpRequest) -> None:
    """Drop what is kept of the form that has now been taken."""
    stored = request.session.get(_SESSION_KEY)
    if stored is not None and stored["address"] == request.path:
        del request.session[_SESSION_KEY]


def discard_form(request: HttpRequest) -> str:
    """Drop what is kept for this person, and return the page of its form; "/" for nothing."""
    stored = request.session.get(_SESSION_KEY)
    if stored is None or str(request.user.pk) != stored["typed_by"]:
        return "/"
    del request.session[_SESSION_KEY]
    return page_of(request, stored["address"])


class KeptFormMiddleware(MiddlewareMixin):
    """A middleware that keeps a form answered by the sign-in page until it is sent again."""

    def process_view(self, request: HttpRequest, view: object, args: object, names: object) -> None:
        """Drop it: a form that Django's check of tokens refused doesn't come this far."""
        if request.method == "POST" and request.user.is_authenticated:
            forget_form(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method != "POST" or not _leads_to_sign_in(response):
            return response
        if getattr(request, "htmx", False):
            return signed_out_fragment(request, HTTPStatus.UNAUTHORIZED)
        if not request.user.is_authenticated:
            keep_form(request)
        return response


def _leads_to_sign_in(response: HttpResponse) -> bool:
    sign_in = resolve_url(settings.LOGIN_URL)
    return response.has_header("Location") and urlsplit(response["Location"]).path == sign_in


def signed_out_fragment(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """Say in place that nothing was kept: a sign-in page has no business inside another page."""
    htmx = request.htmx  # type: ignore[attr-defined]
    context = {"target": htmx.target or "", "back": htmx.current_url_abs_path or "/"}
    return render(request, "_signed_out.html", context, status=status)
