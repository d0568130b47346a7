"""Group the queue by organization, or by whether the evidence is clear."""

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
    """Requests that belong together, by their keys; the filter ``filter`` shows them all."""

    label: str
    filter: tuple[str, str]
    keys: list[int]


def groups_of(reviewer: User, filters: Filters, *, now: datetime) -> list[RequestGroup]:
    """Return the groups of a reviewer's queue, the largest first, as ``grouped`` makes them."""
    requests = filtered(
        readable_parts(reviewer, filters.repo_id), *conditions_of(filters, reviewer, now)
    )
    return grouped(requests, filters, order_of(filters))[0]


def grouped(
    requests: list[Requests], filters: Filters, order: QueueOrder
) -> tuple[list[RequestGroup], bool]:
    """Group the first thousand requests, the largest group first. Tell if there are more.

    Grouping all of a queue would read all of it; nobody pages through more than a thousand.
    """
    keys = first_keys(requests, order, CAP + 1)
    column = "organization_name" if filters.group == "organization" else "evidence_is_clear"
    by_key = dict(AccessRequest.objects.filter(pk__in=keys[:CAP]).values_list("pk", column))
    members: dict[str | bool, list[int]] = {}
    for key in keys[:CAP]:
        members.setdefault(by_key[key], []).append(key)
    largest = sorted(members.items(), key=lambda group: -len(group[1]))
    groups = [RequestGroup(_label(value), _filter(value), own_keys) for value, own_keys in largest]
    return groups, len(keys) > CAP


def _label(value: str | bool) -> str:
    if isinstance(value, bool):
        return "All proved, no flag" if value else "Something to look at"
    return value or "No organization named"


def _filter(value: str | bool) -> tuple[str, str]:
    if isinstance(value, bool):
        return ("flag", "clear" if value else "unclear")
    return ("organization", value)
