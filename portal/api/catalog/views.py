"""The models, and how the caller stands at each gate of one."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.policy.policy import Action, may_call
from portal.access.policy.refusals import describe
from portal.api.base.fields import Output
from portal.api.base.operations import Call, Who, listing, operation
from portal.api.requests.form_views import request_form_url
from portal.catalog.models import ModelRepo
from portal.catalog.querysets import ModelRepoQuerySet


class StandingOutput(Output):
    """Whether the caller may, and if not, why and where to go."""

    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_blank=True)
    help_url = serializers.CharField(allow_blank=True)


class ModelOutput(serializers.ModelSerializer[ModelRepo]):
    name = serializers.CharField(source="full_name")
    licence = serializers.CharField(source="licence.name", default=None)

    class Meta:
        model = ModelRepo
        fields: tuple[str, ...] = (
            "id",
            "name",
            "summary",
            "family",
            "parameters",
            "context_length",
            "download_gate",
            "inference_gate",
            "licence",
            "hosted",
            "created_at",
        )


class ModelDetailOutput(ModelOutput):
    download = serializers.SerializerMethodField()
    inference = serializers.SerializerMethodField()
    request_form_url = serializers.SerializerMethodField(
        help_text="What a request is asked; null where the model takes none."
    )

    class Meta(ModelOutput.Meta):
        fields = (
            *ModelOutput.Meta.fields,
            "why_gated",
            "download",
            "inference",
            "request_form_url",
        )

    def _standing(self, repo: ModelRepo, action: Action) -> dict[str, Any]:
        call: Call = self.context["call"]
        permission = may_call(call.caller, action, repo, call.now)
        refusal = None if permission.allowed else describe(permission, repo)
        return {
            "allowed": permission.allowed,
            "reason": permission.reason,
            "message": refusal.heading if refusal else "",
            "help_url": refusal.act_url if refusal else "",
        }

    @extend_schema_field(StandingOutput)
    def get_download(self, repo: ModelRepo) -> dict[str, Any]:
        return self._standing(repo, Action.DOWNLOAD)

    @extend_schema_field(StandingOutput)
    def get_inference(self, repo: ModelRepo) -> dict[str, Any]:
        return self._standing(repo, Action.INFER)

    def get_request_form_url(self, repo: ModelRepo) -> str | None:
        return request_form_url(repo)


def visible_models(call: Call) -> ModelRepoQuerySet[ModelRepo]:
    return ModelRepo.objects.visible_through(call.caller).with_names()


@listing(Who.ANYBODY, ModelOutput)
def list_models(call: Call) -> QuerySet[ModelRepo]:
    """The models that the caller may know of."""
    return visible_models(call)


@operation(Who.ANYBODY, gives=ModelDetailOutput)
def show_model(call: Call, namespace: str, name: str) -> ModelRepo:
    """One model, with the caller's standing at each of its gates."""
    return get_object_or_404(visible_models(call).named(f"{namespace}/{name}"))
