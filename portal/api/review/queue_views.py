"""The reviewers' queue as a whole: its list, its groups, and one verdict for many."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import Decision
from portal.access.policy.quotas import Quotas
from portal.access.review.decisions import bulk
from portal.access.review.queue.filters import Filters, filters_from
from portal.access.review.queue.groups import RequestGroup, groups_of
from portal.access.review.queue.listing import has_queue, queue_of, with_rows
from portal.api.base.pagination import ReadyPage, ReadyPages
from portal.api.base.permissions import HasReviewScope
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiView
from portal.api.review.cases import CaseMixin
from portal.api.review.decision_views import APPROVE_EXAMPLE
from portal.api.review.inputs import BulkInput, GroupFilters, QueueFilters
from portal.api.review.serializers import BulkOutput, GroupOutput, RowOutput
from portal.errors import FieldErrors, Forbidden


class QueueMixin(ApiView):
    """A view of the queue of those who review a model's requests."""

    permission_classes = write_permission_classes = [HasReviewScope]

    def require_queue(self) -> None:
        if not has_queue(self.user):
            raise Forbidden("The queue is for the people who review a model’s requests.")

    def get_filters(self) -> Filters:
        """Return the filters that were asked for, within the models that the token is for."""
        self.require_queue()
        queries = {name: str(value) for name, value in self.filters.items()}
        if self.token is not None and self.token.repo_ids is not None:
            queries["repo"] = _repo_of_token(queries.get("repo", ""), self.token.repo_ids)
        return filters_from(queries)


def _repo_of_token(repo: str, repo_ids: list[int]) -> str:
    """Return the model to list. The queue is of one model or of all.

    So a token for some models has to name one, unless it is for one alone.
    """
    allowed = [str(repo_id) for repo_id in repo_ids]
    if not repo and len(allowed) == 1:
        return allowed[0]
    if repo not in allowed:
        raise FieldErrors({"repo": f"This token is for some models. Name {' or '.join(allowed)}."})
    return repo


@extend_schema_view(get=extend_schema(operation_id="list_queue"))
class QueueView(QueueMixin, ApiListView):
    """List the requests that the caller reviews, filtered as on the page, by due date."""

    serializer_class = RowOutput
    filter_serializer_class = QueueFilters
    pagination_class = ReadyPages

    def get_queryset(self) -> Any:
        listed = queue_of(self.user, self.get_filters(), now=self.now)
        return ReadyPage(
            listed.rows,
            next={"after": listed.after} if listed.after else None,
            previous={"before": listed.before} if listed.before else None,
        )


@extend_schema_view(get=extend_schema(operation_id="list_groups"))
class QueueGroupListView(QueueMixin, ApiListView):
    """List the queue in groups, as the page groups it, the largest first, with some rows each."""

    serializer_class = GroupOutput
    filter_serializer_class = GroupFilters

    def get_queryset(self) -> Any:
        return groups_of(self.user, self.get_filters(), now=self.now)

    def paginate_queryset(self, queryset: Any) -> Any:
        """Cut a page of groups, then read the rows of these groups all at once."""
        clusters: list[RequestGroup] = super().paginate_queryset(queryset) or []
        return [
            {
                "label": group.label,
                "count": group.count,
                "filter": dict([group.filter]) if group.filter[1] else {},
                "rows": group.rows,
            }
            for group in with_rows(clusters, self.user, self.now)
        ]


class BulkView(QueueMixin, CaseMixin):
    serializer_class = BulkOutput
    input_serializer_class = BulkInput

    @extend_schema(
        operation_id="bulk_decide",
        examples=example(requests=[417, 418], verdict="approved", dry_run=True, **APPROVE_EXAMPLE),
    )
    def post(self, request: Request) -> Response:
        """Decide up to fifty requests of one model, each with its own checks and mail."""
        self.require_queue()
        data = self.validated_data
        self.require_within(data["requests"])
        results = bulk.bulk_decide(
            reviewer=self.user,
            request_ids=data["requests"],
            terms=bulk.BulkTerms(
                verdict=Decision.Verdict(data["verdict"]),
                modes=tuple(data.get("modes", ())),
                expires_at=data.get("until"),
                quotas=Quotas.of(data.get("quotas", {})),
                reason_code=data.get("reason_code", ""),
                reason_text=data.get("reason_text", ""),
            ),
            dry_run=data["dry_run"],
            now=self.now,
        )
        return Response(self.get_serializer({"dry_run": data["dry_run"], "results": results}).data)
