"""A model's settings, its name and its end, for whoever may publish it."""

from __future__ import annotations

from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.gate.effects import Effect
from portal.api.base.permissions import HasPublishScope
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.views import ApiRetrieveView
from portal.api.catalog.settings_serializers import (
    ChangedModelOutput,
    ChangedSettingsInput,
    DeleteInput,
    ModelSettingsOutput,
    RenameInput,
    configuration_of,
)
from portal.catalog.models import ModelRepo
from portal.catalog.quarantine.consenting import state_right
from portal.catalog.services.repos import configure_repo
from portal.catalog.statements import statement_of
from portal.site.labs.repos.acts import delete, rename


@extend_schema_view(get=extend_schema(operation_id="show_settings"))
class ModelSettingsView(RepoMixin, ApiRetrieveView):
    """Show what a lab may set of a model."""

    permission_classes = write_permission_classes = [HasPublishScope]
    serializer_class = ModelSettingsOutput
    input_serializer_class = ChangedSettingsInput

    def get_object(self) -> ModelRepo:
        return self.get_publishable_repo()

    @extend_schema(
        operation_id="change_settings",
        examples=example(summary="A small OPT.", licence="research", download_gate="licence"),
    )
    def patch(self, request: Request, namespace: str, name: str) -> Response:
        """Change settings of a model. A gate needs a licence with a text in force.

        Say by what right its weights are hosted once, and anew under another licence.
        """
        repo = self.get_publishable_repo()
        chosen = dict(self.validated_data)
        statement = statement_of(
            licensor=chosen.pop("licensor", False), consent=chosen.pop("consent", None)
        )
        chosen = configuration_of(chosen)
        with transaction.atomic():
            configure_repo(actor=self.user, repo_id=repo.pk, now=self.now, **chosen)
            if statement:
                state_right(actor=self.user, repo_id=repo.pk, statement=statement, now=self.now)
        return self.retrieve(request)


class ChangedModelMixin(RepoMixin):
    permission_classes = write_permission_classes = [HasPublishScope]
    serializer_class = ChangedModelOutput

    def get_answer(self, name: str | None, effects: list[Effect]) -> Response:
        """Return the answer to a change that was made or tried, with what it affects."""
        facts = {"name": name, "dry_run": self.validated_data["dry_run"], "effects": effects}
        return Response(ChangedModelOutput(facts).data)


class ModelRenameView(ChangedModelMixin):
    input_serializer_class = RenameInput

    @extend_schema(operation_id="rename_model", examples=example(name="opt-30b", dry_run=True))
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Give a model another name, or try it. The old name leads on."""
        repo, data = self.get_publishable_repo(), self.validated_data
        place = data.get("namespace", repo.namespace.name)
        effects = rename(
            actor=self.user,
            repo=repo,
            namespace=place,
            name=data["name"],
            now=self.now,
            dry_run=data["dry_run"],
        )
        return self.get_answer(f"{place}/{data['name']}", effects)


class ModelDeleteView(ChangedModelMixin):
    input_serializer_class = DeleteInput

    @extend_schema(operation_id="delete_model", examples=example(dry_run=True))
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Delete a model, or list what that affects. Its records stay."""
        repo, data = self.get_publishable_repo(), self.validated_data
        effects = delete(
            actor=self.user,
            repo=repo,
            confirm=data["confirm"],
            now=self.now,
            dry_run=data["dry_run"],
        )
        return self.get_answer(repo.full_name if data["dry_run"] else None, effects)
