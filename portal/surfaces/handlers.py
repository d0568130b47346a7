"""Django's `handler400`, `handler404` and `handler500`, in the form of each surface."""

from __future__ import annotations

import sys

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.defaults import bad_request as django_bad_request
from django.views.defaults import page_not_found

from portal.errors import Broken, DomainError, Invalid, NotFound, TooLarge
from portal.surfaces.answers import answer, note_refusal
from portal.surfaces.headers import with_retry_after
from portal.surfaces.outages import outage_of
from portal.surfaces.surface import Surface, form_of_refusal, surface_of


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for Django's ``handler500``, which is called where the exception was caught."""
    if outage := outage_of(sys.exc_info()[1]):
        return _outage_answer(outage, request)
    if surface_of(request) is not Surface.PAGE:
        return answer(Broken(), request)
    return HttpResponseServerError(render_to_string("500.html", _bare_context(request)))


def _outage_answer(outage: DomainError, request: HttpRequest) -> HttpResponse:
    if surface_of(request) is not Surface.PAGE:
        response = answer(outage, request)
    else:
        context = {"error": outage, "status": int(outage.status), **_bare_context(request)}
        page = render_to_string("errors/outage.html", context)
        response = with_retry_after(HttpResponse(page, status=outage.status), outage)
        note_refusal(response, outage.code)
    response["Cache-Control"] = "no-store"
    response._has_been_logged = True  # type: ignore[attr-defined]  # else Django adds a traceback
    return response


def _bare_context(request: HttpRequest) -> dict[str, str]:
    """Return all that a page gets without the request's context, which may be what broke."""
    return {"reference": getattr(request, "http_request_id", "")}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's ``handler400``; a body over the limit is a 413."""
    if isinstance(exception, RequestDataTooBig):
        largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20
        error: DomainError = TooLarge(
            _("Send at most %(largest)s MB at once, in several requests.") % {"largest": largest}
        )
        return answer(error, request)
    if surface_of(request) is Surface.PAGE:  # too early for a page that names who is signed in
        return django_bad_request(request, exception)
    error = Invalid(_("This request can’t be read. Check how it was made, and send it again."))
    return answer(error, request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's ``handler404``: an address that leads to no view."""
    if form_of_refusal(request) is Surface.PAGE:
        return page_not_found(request, exception)
    return answer(NotFound(_("There’s nothing at this address.")), request)
