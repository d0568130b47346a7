"""Error pages that Django asks for by name."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.forms.kept import is_signed_out, keep_form, signed_out_fragment
from portal.forms.pages import page_of


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Lead back to the page of the form, which was open too long, or first to the sign-in page."""
    if getattr(request, "htmx", False):
        return signed_out_fragment(request, HTTPStatus.FORBIDDEN)
    context = {
        "is_kept": keep_form(request),
        "is_signed_out": is_signed_out(request),
        "page": _page(request),
        "nav_section": "",
    }
    return render(request, "errors/csrf.html", context, status=HTTPStatus.FORBIDDEN)


def _page(request: HttpRequest) -> str:
    """Keep the address as it was asked, with its query, where it is a page itself."""
    page = page_of(request, request.path)
    return request.get_full_path() if page == request.path else page
