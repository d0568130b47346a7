"""The pagination of the API's lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from portal.errors import FieldErrors

NO_NUMBER = "Send a whole number, 1 or more."


class NumberedPages(PageNumberPagination):
    """Pages of fifty, or of a ``limit`` up to a hundred, by their number."""

    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 100
    query_names = frozenset({"page", "limit"})
    last_page_strings: Sequence[str] = ()

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        _refuse_no_numbers(self.query_names, request)
        return super().paginate_queryset(queryset, request, view)


def _refuse_no_numbers(names: frozenset[str], request: Request) -> None:
    """Raise FieldErrors for each of these queries that is no positive whole number.

    DRF would answer the first page, or as many rows as if nothing had been said.
    """
    queries = request.query_params
    wrong = [name for name in sorted(names & queries.keys()) if not _is_number(queries[name])]
    if wrong:
        raise FieldErrors(dict.fromkeys(wrong, NO_NUMBER))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,18}", text) is not None and int(text) > 0


@dataclass(frozen=True)
class ReadyPage:
    """A page that the listing itself has cut.

    ``next`` and ``previous`` hold the query that turns to that page; None means there is none.
    """

    rows: Sequence[Any]
    next: dict[str, int] | None
    previous: dict[str, int] | None
    count: int | None = None


class ReadyPages(PageNumberPagination):
    """Pages cut as the listing on the portal's own page is cut; a list gives a ``ReadyPage``.

    What turns a page is among the list's filters, so no query belongs to the pagination.
    """

    page_size_query_param = None
    query_names: frozenset[str] = frozenset()
    turning = frozenset({"page", "before", "after"})

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        self.ready: ReadyPage = queryset
        self.turned_from = request
        return list(self.ready.rows)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "count": self.ready.count,
                "next": self._url(self.ready.next),
                "previous": self._url(self.ready.previous),
                "results": data,
            }
        )

    def _url(self, turned: dict[str, int] | None) -> str | None:
        if turned is None:
            return None
        queries = {
            name: value
            for name, value in self.turned_from.query_params.items()
            if name not in self.turning
        }
        query = urlencode({**queries, **turned})
        return self.turned_from.build_absolute_uri(f"{self.turned_from.path}?{query}")

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return []

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page: dict[str, Any] = super().get_paginated_response_schema(schema)
        page["required"] = ["results"]
        page["properties"]["count"] = {"type": "integer", "nullable": True}
        return page
