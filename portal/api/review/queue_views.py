"""The reviewers’ queue as a whole: its list, its groups, and one verdict for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.access.models import Decision
from portal.access.review.decisions import bulk
from portal.access.review.queue.filters import Filters, filters_from
from portal.access.review.queue.groups import RequestGroup, groups_of
from portal.access.review.queue.listing import has_queue, queue_of, with_rows
from portal.accounts.models import Scope
from portal.api.base.operations import Call, Slice, listing, operation
from portal.api.review.case_views import APPROVE_EXAMPLE
from portal.api.review.cases import require_within
from portal.api.review.serializers import (
    BulkInput,
    BulkOutput,
    GroupFilters,
    GroupOutput,
    QueueFilters,
    RowOutput,
)
from portal.errors import FieldErrors, Forbidden


@listing(Scope.REVIEW, RowOutput, filters=QueueFilters, has_own_pages=True)
def list_queue(call: Call) -> Slice:
    """The requests that the caller reviews, filtered as on the page, the oldest first."""
    found = queue_of(call.person, _filters(call), now=call.now)
    return Slice(
        found.rows,
        next={"after": found.after} if found.after else None,
        previous={"before": found.before} if found.before else None,
    )


def _first_rows(call: Call, rows: Sequence[RequestGroup]) -> Sequence[dict[str, Any]]:
    groups = with_rows(rows, call.person, call.now)
    return [
        {
            "label": each.label,
            "count": each.count,
            "filter": dict([each.filter]) if each.filter[1] else {},
            "rows": each.rows,
        }
        for each in groups
    ]


@listing(Scope.REVIEW, GroupOutput, filters=GroupFilters, prepare=_first_rows)
def list_groups(call: Call) -> list[RequestGroup]:
    """The queue in groups, as the page groups it, the largest first, each with its first rows."""
    return groups_of(call.person, _filters(call), now=call.now)


def _filters(call: Call) -> Filters:
    """What was asked for, within what the token is for."""
    _require_queue(call)
    asked = {name: str(value) for name, value in call.queries.items()}
    if call.token is not None and call.token.repo_ids is not None:
        asked["repo"] = _repo_of_token(asked.get("repo", ""), call.token.repo_ids)
    return filters_from(asked)


def _require_queue(call: Call) -> None:
    if not has_queue(call.person):
        raise Forbidden("The queue is for the people who review a model’s requests.")


def _repo_of_token(asked: str, repo_ids: list[int]) -> str:
    """The queue is of one model or of all, so a token for some has to name one."""
    allowed = [str(each) for each in repo_ids]
    if not asked and len(allowed) == 1:
        return allowed[0]
    if asked not in allowed:
        raise FieldErrors({"repo": f"This token is for some models. Name {' or '.join(allowed)}."})
    return asked


@operation(
    Scope.REVIEW,
    gives=BulkOutput,
    takes=BulkInput,
    example={"requests": [417, 418], "verdict": "approved", "dry_run": True, **APPROVE_EXAMPLE},
)
def bulk_decide(call: Call) -> dict[str, Any]:
    """Decide up to fifty requests of one model, each with its own guards and letter."""
    _require_queue(call)
    given = call.data
    require_within(call, *given["requests"])
    results = bulk.bulk_decide(
        reviewer=call.person,
        request_ids=given["requests"],
        terms=bulk.BulkTerms(
            verdict=Decision.Verdict(given["verdict"]),
            modes=tuple(given.get("modes", ())),
            expires_at=given.get("until"),
            reason_code=given.get("reason_code", ""),
            reason_text=given.get("reason_text", ""),
        ),
        dry_run=given["dry_run"],
        now=call.now,
    )
    return {"dry_run": given["dry_run"], "results": results}
