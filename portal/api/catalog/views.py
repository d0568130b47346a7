"""The models, what a team reads of one, and the names that models have moved away from."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.accounts.tokens.authentication import Caller
from portal.api.base.permissions import AllowAny, HasAdminScope, HasPublishScope
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.catalog.serializers import (
    DownloadFilters,
    ExportOutput,
    ModelDetailOutput,
    ModelOutput,
    UsedOutput,
)
from portal.api.catalog.settings_serializers import (
    ModelSettingsOutput,
    NewModelInput,
    configuration_of,
)
from portal.catalog.models import ModelRepo
from portal.catalog.querysets import ModelRepoQuerySet
from portal.catalog.services.renaming import give_up_name
from portal.delivery.accounting.usage import Grouping, UsageLine, usage_of
from portal.errors import Forbidden
from portal.hub.services.repos import start_repo
from portal.site.archives.exports import EXPORTS, FORMS


def visible_models(caller: Caller) -> ModelRepoQuerySet[ModelRepo]:
    return ModelRepo.objects.visible_through(caller).with_names()


@extend_schema_view(get=extend_schema(operation_id="list_models"))
class ModelListView(ApiListView):
    """List the models that the caller may know of."""

    permission_classes = [AllowAny]
    write_permission_classes = [HasPublishScope]
    serializer_class = ModelOutput
    input_serializer_class = NewModelInput

    def get_queryset(self) -> ModelRepoQuerySet[ModelRepo]:
        return visible_models(self.caller)

    @extend_schema(
        operation_id="create_model",
        responses={201: ModelSettingsOutput},
        examples=example(namespace="example-lab", name="opt-30b", summary="A small OPT."),
    )
    def post(self, request: Request) -> Response:
        """Make a model, private unless you say otherwise, with a first, empty revision."""
        if self.is_for_some_models:
            raise Forbidden("This token is for some models. Make one for all of them.")
        chosen = {"private": True} | configuration_of(self.validated_data)
        repo = start_repo(actor=self.user, now=self.now, **chosen)
        return Response(ModelSettingsOutput(repo).data, status=201)


@extend_schema_view(get=extend_schema(operation_id="show_model"))
class ModelView(RepoMixin, ApiRetrieveView):
    """Show one model, and whether the caller may download it and run it."""

    permission_classes = [AllowAny]
    serializer_class = ModelDetailOutput

    def get_object(self) -> ModelRepo:
        return get_object_or_404(visible_models(self.caller).named(self.repo_name))


@extend_schema_view(get=extend_schema(operation_id="list_downloads"))
class DownloadListView(RepoMixin, ApiListView):
    """List what was downloaded of a model by person, organization or revision, most bytes first."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = UsedOutput
    filter_serializer_class = DownloadFilters

    def get_queryset(self) -> Any:
        return self.get_usage()

    def get_usage(self) -> list[UsageLine]:
        filters = self.filters
        return usage_of(
            self.get_team_repo(),
            Grouping(filters["by"]),
            since=filters.get("since"),
            until=filters.get("until"),
        )


@extend_schema_view(get=extend_schema(operation_id="list_exports"))
class ExportListView(RepoMixin, ApiListView):
    """List the tables that may be exported from a gate, with their columns and addresses."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = ExportOutput

    def get_queryset(self) -> Any:
        repo = self.get_administered_repo()
        return [
            {
                "rows": export.slug,
                "label": export.label,
                "holds": export.holds,
                "columns": list(export.columns),
                "urls": {form: _export_url(repo, export.slug, form) for form in FORMS},
            }
            for export in EXPORTS.values()
        ]


def _export_url(repo: ModelRepo, rows: str, form: str) -> str:
    arguments = [repo.namespace.name, repo.name, rows, form]
    return settings.BASE_URL + reverse("site:export", args=arguments)


class FormerNameView(ApiView):
    permission_classes = write_permission_classes = [HasPublishScope]

    @extend_schema(operation_id="give_up", responses={204: None})
    def delete(self, request: Request, namespace: str, name: str) -> Response:
        """Give up a name that redirects to a moved model, so that another model may take it."""
        if self.is_for_some_models:
            raise Forbidden("This token is for some models. Make one for all of them.")
        give_up_name(actor=self.user, namespace=namespace, name=name, now=self.now)
        return Response(status=204)
