"""Answer lists as OpenAI's clients walk them: ``data``, ``has_more``, and ``after`` an id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.http import QueryDict

from portal.jobs.errors import BadParameter

M = TypeVar("M", bound=Model)
ORDERS = ("asc", "desc")


@dataclass(frozen=True)
class ListRule:
    """A rule of one list: how long a page is, at most and unless asked, and how ids are read."""

    most: int
    default: int
    read: Callable[[str], UUID | None]


def page_of(
    rows: QuerySet[M],
    query: QueryDict,
    rule: ListRule,
    show: Callable[[list[M]], list[dict[str, Any]]],
) -> dict[str, Any]:
    """Return one page, by ``limit``, ``after`` and ``order``. Raises BadParameter."""
    limit = _limit(query, rule)
    newest_first = _order(query) == "desc"
    if after := query.get("after"):
        rows = _following(rows, after, rule, newest_first=newest_first)
    ordered = rows.order_by(*(("-created_at", "-pk") if newest_first else ("created_at", "pk")))
    page = list(ordered[: limit + 1])  # one more than is shown
    data = show(page[:limit])
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"object": "list", "data": data, "has_more": len(page) > limit, **ends}


def _limit(query: QueryDict, rule: ListRule) -> int:
    text = query.get("limit", str(rule.default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= rule.most):
        raise BadParameter(f"limit must be an integer from 1 to {rule.most}.", field="limit")
    return int(text)


def _order(query: QueryDict) -> str:
    order = query.get("order", "desc")
    if order not in ORDERS:
        raise BadParameter("order must be asc or desc.", field="order")
    return order


def _following(rows: QuerySet[M], after: str, rule: ListRule, *, newest_first: bool) -> QuerySet[M]:
    """Select what comes behind a row. Where that is gone, nothing says where to go on."""
    last_id = rule.read(after)
    last: Any = rows.filter(pk=last_id).first() if last_id else None
    if last is None:
        raise BadParameter("after must be the id of one that is in this list.", field="after")
    step = "lt" if newest_first else "gt"
    at = last.created_at
    later = Q(**{f"created_at__{step}": at}) | Q(created_at=at, **{f"pk__{step}": last.pk})
    return rows.filter(later)
