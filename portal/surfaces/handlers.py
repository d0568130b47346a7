"""Django's `handler400`, `handler404` and `handler500`, in the form of each surface."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template.loader import render_to_string
from django.views.defaults import bad_request as django_bad_request
from django.views.defaults import page_not_found

from portal.errors import Broken, DomainError, Invalid, NotFound, TooLarge
from portal.surfaces.answers import answer
from portal.surfaces.surface import Surface, surface_of


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for Django's ``handler500``."""
    surface = surface_of(request)
    if surface is Surface.PAGE:
        context = {"reference": getattr(request, "http_request_id", "")}
        page = render_to_string(
            "500.html", context
        )  # without the request's context, which may be what broke
        return HttpResponseServerError(page)
    return answer(Broken(), request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's ``handler400``; a body over the limit is a 413."""
    if isinstance(exception, RequestDataTooBig):
        largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE >> 20
        error: DomainError = TooLarge(f"Send at most {largest} MB at once, in several requests.")
        return answer(error, request)
    if surface_of(request) is Surface.PAGE:  # too early for a page that names who is signed in
        return django_bad_request(request, exception)
    error = Invalid("This request can’t be read. Check how it was made, and send it again.")
    return answer(error, request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for Django's ``handler404``: an address that leads to no view."""
    surface = surface_of(request)
    if surface is Surface.PAGE:
        return page_not_found(request, exception)
    return answer(NotFound("There’s nothing at this address."), request)
