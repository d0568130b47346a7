"""Share what all views of the Hub's protocol need: the caller, pages of a list, times, flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase, JsonResponse, QueryDict
from django.utils.encoding import escape_uri_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from portal.access.errors import Refused
from portal.accounts.tokens.authentication import (
    comes_from_our_pages,
    is_opened_by_a_person,
    reading_caller,
    token_caller,
)
from portal.catalog.errors import RepoNotFound
from portal.errors import Invalid
from portal.hub.errors import OpenedFromElsewhere

View = Callable[..., HttpResponseBase]
M = TypeVar("M", bound=Model)
LARGEST_PAGE = 1000


def hub_view(*methods: str) -> Callable[[View], View]:
    """Make a view of the protocol, whose second argument is the caller that the token names.

    No cookie counts, so there is no CSRF check. What answers GET answers HEAD.
    """
    allowed = [*methods, *({"HEAD"} if "GET" in methods else ())]

    def decorate(view: View) -> View:
        @csrf_exempt
        @require_http_methods(allowed)
        @wraps(view)
        def outer(request: HttpRequest, **names: Any) -> HttpResponseBase:
            return view(request, token_caller(request), **names)

        return outer

    return decorate


def file_view(view: View) -> View:
    """Wrap a view of a file's bytes, for programs and for the browser of who is signed in.

    No cookie is set and nothing is changed: a session is only read, and only from our own pages.
    """

    @csrf_exempt
    @require_http_methods(["GET", "HEAD"])
    @wraps(view)
    def outer(request: HttpRequest, **names: Any) -> HttpResponseBase:
        try:
            return view(request, reading_caller(request), **names)
        except (Refused, RepoNotFound) as refused:
            if _is_led_here_by_another_site(request):
                raise OpenedFromElsewhere(names["namespace"], names["name"]) from refused
            raise

    return outer


def _is_led_here_by_another_site(request: HttpRequest) -> bool:
    """Tell whether a session was passed over that might have opened the file."""
    passed_over = is_opened_by_a_person(request) and not comes_from_our_pages(request)
    return passed_over and request.user.is_authenticated


def timestamp(moment: datetime) -> str:
    """Spell a time as clients read it, by ``strptime("%Y-%m-%dT%H:%M:%S.%fZ")``: no offset."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def flag(query: QueryDict, name: str) -> bool:
    """Read a truth value; absent is false. Raises Invalid."""
    value = query.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise Invalid(f"{name} is true or false.", field=name)
    return value in ("true", "1")


def _number(query: QueryDict, name: str, default: int) -> int:
    if name not in query:
        return default
    value = query.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Invalid(f"{name} is a whole number.", field=name)
    return int(value)


def page_of(
    request: HttpRequest, items: Sequence[Any] | QuerySet[M], *, default: int = LARGEST_PAGE
) -> tuple[list[Any], dict[str, str]]:
    """Return the request's slice of a list, and the Link header to the next slice, if any.

    Some clients count pages (``p``, from 0) where others follow the link.
    """
    limit = min(max(_number(request.GET, "limit", default), 1), LARGEST_PAGE)
    start = _number(request.GET, "cursor", _number(request.GET, "p", 0) * limit)
    # One row more than the page holds tells whether there is a next page, without a count.
    rows = list(items[start : start + limit + 1])
    if len(rows) <= limit:
        return rows, {}
    query = request.GET.copy()
    query.pop("p", None)
    query["cursor"] = str(start + limit)
    # Absolute, or the clients of version 2 crash.
    url = f"{settings.BASE_URL}{escape_uri_path(request.path)}?{query.urlencode()}"
    return rows[:limit], {"Link": f'<{url}>; rel="next"'}


def json_list(items: list[dict[str, Any]], headers: dict[str, str] | None = None) -> JsonResponse:
    return JsonResponse(items, safe=False, headers=headers)
