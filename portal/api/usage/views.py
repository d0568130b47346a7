"""Add up hosted use: one's own, one's models', and for operators all."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view

from portal.access.policy.administering import usage_seen_by
from portal.api.base.views import ApiListView
from portal.api.usage.serializers import UsageFilters, UsageOutput
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.errors import Forbidden
from portal.jobs.accounting.months import Months
from portal.jobs.accounting.usage import UsageGrouping, usage_sums


@extend_schema_view(get=extend_schema(operation_id="list_usage"))
class UsageListView(ApiListView):
    """Add up jobs by month, model, person or organization.

    They are the caller's own and those on models that they administer; for an operator all. A token
    needs the scope review or admin to read others'.
    """

    serializer_class = UsageOutput
    filter_serializer_class = UsageFilters

    def get_queryset(self) -> Any:
        if self.is_for_some_models and "model" not in self.filters:
            raise Forbidden("This token is for some models. Name one of them as model.")
        filters, until_now = self.filters, Months.until(self.now)
        months = Months.ending(filters.get("last", until_now.last), first=filters.get("first"))
        return usage_sums(
            usage_seen_by(self.user, for_team=self.reads_for_team),
            UsageGrouping(filters["by"]),
            since=months.begins,
            until=months.ends,
            repo=self._repo(),
        )

    def _repo(self) -> ModelRepo | None:
        if "model" not in self.filters:
            return None
        repo = find_repo(self.filters["model"], caller=self.caller)
        if not self.within(ModelRepo.objects.filter(pk=repo.pk), "pk").exists():
            raise Forbidden("This token is for other models. Make one for this model, or for all.")
        return repo
