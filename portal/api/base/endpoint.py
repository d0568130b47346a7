"""From operations to addresses: authentication, rates, pages and answers, the same for all."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

from django.core.cache import caches
from django.urls import URLPattern, path
from django.utils import timezone
from django.views import View
from redis.exceptions import RedisError
from rest_framework import exceptions, permissions
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from portal.accounts.models import Scope
from portal.api.base.errors import SessionOnly, TokenLacksScope, api_errors
from portal.api.base.operations import Call, Operation, Slice, Who
from portal.api.base.parsers import BoundedJSONParser
from portal.api.base.schema import Schema
from portal.errors import FieldErrors

log = logging.getLogger(__name__)
TURNING = frozenset({"page", "before", "after"})
PAGING = frozenset({"page", "limit"})
UNKNOWN = "This isn’t known here. Leave it out, or look up its name in the documentation."


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 100


class OwnPages(PageNumberPagination):
    """Cut as people’s page cuts it: its length and its turning are that page’s."""

    page_size_query_param = None

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return []  # what turns a page is among the filters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = super().get_paginated_response_schema(schema)
        found["required"] = ["results"]
        found["properties"]["count"] = {"type": "integer", "nullable": True}
        return found


def pages_of(operation: Operation) -> PageNumberPagination:
    return OwnPages() if operation.has_own_pages else Pages()


class Rate(SimpleRateThrottle):
    """How often one person may write, counted where all processes see it.

    The counts may be lost, and while nothing can count them nobody is kept from working.
    """

    cache = caches["default"]

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        key = request.user.pk or self.get_ident(request)
        return f"rate-{self.scope}-{key}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        try:
            return bool(super().allow_request(request, view))
        except (RedisError, OSError):
            log.warning("The rate of %s can’t be counted", self.scope)
            return True


class WriteRate(Rate):
    scope = "write"


class Endpoint(APIView):
    """The view behind one address; ``operations`` has one for each method."""

    operations: dict[str, Operation] = {}
    schema = Schema()
    parser_classes = (BoundedJSONParser,)
    permission_classes = (permissions.AllowAny,)  # each operation asks for itself

    def get_exception_handler(self) -> Any:
        return api_errors

    @property
    def operation(self) -> Operation | None:
        method = str(self.request.method).lower() if self.request else ""
        return self.operations.get("get" if method == "head" else method)

    def check_permissions(self, request: Request) -> None:
        if self.operation is not None:
            require(self.operation.needs, request)

    def get_throttles(self) -> list[Any]:
        if self.operation is None or self.request.method in permissions.SAFE_METHODS:
            return []
        return [WriteRate()]

    def answer(self, request: Request, *args: Any, **names: Any) -> Response:
        here = self.operation
        if here is None:
            raise exceptions.MethodNotAllowed(str(request.method))
        call = Call(request, here, timezone.now())
        _refuse_unknown_queries(here, request)
        if here.filters is not None:
            call.queries = call.checked(here.filters, _without_paging(here, request))
        if here.takes is None and request.data:
            _refuse_body(request)
        found = here.run(call, **names)
        return self._listed(call, found) if here.is_list else _single(call, found)

    def _listed(self, call: Call, found: Any) -> Response:
        if isinstance(found, Slice):
            return _sliced(call, found)
        pages = Pages()
        rows: list[Any] = pages.paginate_queryset(found, call.request, view=self) or []
        return pages.get_paginated_response(_shown(call, rows))


def _sliced(call: Call, found: Slice) -> Response:
    return Response(
        {
            "count": found.count,
            "next": _turned(call.request, found.next),
            "previous": _turned(call.request, found.previous),
            "results": _shown(call, found.rows),
        }
    )


def _turned(request: Request, to: dict[str, int] | None) -> str | None:
    """The same address, turned to another page."""
    if to is None:
        return None
    kept = {k: v for k, v in request.query_params.items() if k not in TURNING}
    return request.build_absolute_uri(f"{request.path}?{urlencode({**kept, **to})}")


def require(needs: Who | Scope, request: Request) -> None:
    """Raises NotAuthenticated, SessionOnly or TokenLacksScope."""
    if needs == Who.ANYBODY:
        return
    if not request.user.is_authenticated:
        raise exceptions.NotAuthenticated
    if request.auth is None or needs == Who.PERSON:
        return
    if needs == Who.SESSION:
        raise SessionOnly
    if needs not in request.auth.scopes:  # type: ignore[union-attr]
        raise TokenLacksScope(Scope(needs))


def _single(call: Call, found: Any) -> Response:
    here = call.operation
    if here.gives is None:
        return Response(status=204)
    prepared = here.prepare(call, [found])[0] if here.prepare else found
    return Response(here.gives(prepared, context={"call": call}).data, status=here.status)


def _shown(call: Call, rows: Any) -> Any:
    here = call.operation
    assert here.gives is not None  # noqa: S101 (a list always gives)
    prepared = here.prepare(call, rows) if here.prepare else rows
    return here.gives(prepared, many=True, context={"call": call}).data


def paging_of(here: Operation) -> frozenset[str]:
    """The query’s words that are the paginator’s."""
    return PAGING if here.is_list and not here.has_own_pages else frozenset()


def _without_paging(here: Operation, request: Request) -> dict[str, Any]:
    given, own = request.query_params, paging_of(here)
    return {name: given[name] for name in given.keys() - own}


def _refuse_unknown_queries(here: Operation, request: Request) -> None:
    known = set(paging_of(here))
    if here.filters is not None:
        known |= set(here.filters().fields)  # type: ignore[attr-defined]
    if unknown := sorted(request.query_params.keys() - known):
        raise FieldErrors(dict.fromkeys(unknown, UNKNOWN))


def _refuse_body(request: Request) -> None:
    given = request.data if isinstance(request.data, dict) else {"body": None}
    raise FieldErrors(dict.fromkeys(sorted(map(str, given)), UNKNOWN))


def address(route: str, name: str, **operations: Operation) -> URLPattern:
    """``address("grants/<int:grant_id>/", "grant", get=show_grant)``"""
    methods: dict[str, Any] = dict.fromkeys(operations, Endpoint.answer)
    view: type[View] = type(
        f"{name.title().replace('_', '')}Endpoint",
        (Endpoint,),
        {
            **methods,
            "operations": operations,
            "http_method_names": [*operations, "head", "options"],
        },
    )
    return path(route, view.as_view(), name=name)
