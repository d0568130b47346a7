"""The queue in groups: by organization, or by what the evidence comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access.models import AccessRequest
from portal.access.review.queue.filters import Filters, conditions_of, order_of
from portal.access.review.queue.paging import (
    CAP,
    QueueOrder,
    Requests,
    filtered,
    first_keys,
    readable_parts,
)
from portal.accounts.models import User


@dataclass(frozen=True)
class RequestGroup:
    """Requests that belong together, by their keys. ``filter``: what shows them all."""

    label: str
    filter: tuple[str, str]
    keys: list[int]


def groups_of(reviewer: User, filters: Filters, *, now: datetime) -> list[RequestGroup]:
    """The queue in groups, the largest first, as far as its first thousand requests make them."""
    found = filtered(
        readable_parts(reviewer, filters.repo_id), *conditions_of(filters, reviewer, now)
    )
    return grouped(found, filters, order_of(filters))[0]


def grouped(
    found: list[Requests], filters: Filters, order: QueueOrder
) -> tuple[list[RequestGroup], bool]:
    """The first thousand in groups, the largest first; and whether there are more."""
    keys = first_keys(found, order, CAP + 1)
    column = "organization_name" if filters.group == "organization" else "evidence_is_clear"
    by_key = dict(AccessRequest.objects.filter(pk__in=keys[:CAP]).values_list("pk", column))
    members: dict[str | bool, list[int]] = {}
    for key in keys[:CAP]:
        members.setdefault(by_key[key], []).append(key)
    largest = sorted(members.items(), key=lambda each: -len(each[1]))
    clusters = [RequestGroup(_label(value), _filter(value), those) for value, those in largest]
    return clusters, len(keys) > CAP


def _label(value: str | bool) -> str:
    if isinstance(value, bool):
        return "All proved, no flag" if value else "Something to look at"
    return value or "No organization named"


def _filter(value: str | bool) -> tuple[str, str]:
    if isinstance(value, bool):
        return ("flag", "clear" if value else "unclear")
    return ("organization", value)
