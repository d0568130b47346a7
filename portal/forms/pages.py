"""Lead every address of a form to the page that holds it, so that none ends in nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

View = Callable[..., HttpResponseBase]
Page = str | Callable[..., str]
READS = ("GET", "HEAD")


def posted_from(
    page: Page, *names: str, part: str = "", anyone: bool = False
) -> Callable[[View], View]:
    """Take POST from who is signed in, and lead everything else to the page of the form.

    A sign-in, a reload or a bookmark asks for the address by GET, so GET goes to the page: named
    ``page``, with the arguments ``names`` of the address, and ``part`` of it open; or what the
    function ``page`` answers to the request of somebody signed in. The query goes along.
    ``anyone`` takes POST from who isn't signed in as well.
    """

    def decorate(view: View) -> View:
        def page_for(request: HttpRequest, **arguments: Any) -> str:
            if callable(page):
                signed_in = request.user.is_authenticated
                return page(request, **arguments) if signed_in else request.get_full_path()
            address = reverse(page, kwargs={name: arguments[name] for name in names})
            return _with_query(address, request, part)

        @wraps(view)
        def answer(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            if request.method not in (*READS, "POST"):
                return HttpResponseNotAllowed([*READS, "POST"])
            is_taken = anyone or request.user.is_authenticated
            if request.method == "POST" and is_taken:
                return view(request, **arguments)
            there = page_for(request, **arguments)
            if request.method == "POST" or there == request.get_full_path():
                return redirect_to_login(there)
            return HttpResponseRedirect(there)

        answer.page_for = page_for  # type: ignore[attr-defined]
        return answer

    return decorate


def _with_query(address: str, request: HttpRequest, part: str) -> str:
    query = request.GET.copy()
    if part:
        query["open"] = part
    return f"{address}?{query.urlencode()}" if query else address


def page_of(request: HttpRequest, address: str) -> str:
    """Name the page that holds the form sent to ``address``: often the address itself."""
    match = resolve(address)
    page_for = getattr(match.func, "page_for", None)
    return str(page_for(request, **match.kwargs)) if page_for else address


def back_from(request: HttpRequest) -> str:
    """Return the page of ours that a form names as its own, to go back there; else the first."""
    back = request.POST.get("next", "")
    is_ours = back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return back if is_ours else "/"
