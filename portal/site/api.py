"""The portal's own REST API: what the pages show, as JSON."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import generics, permissions, serializers

from portal.access.models import AccessRequest
from portal.access.policy import Action, may_call
from portal.access.refusals import describe
from portal.accounts.authentication import Caller
from portal.accounts.models import AccessToken, User
from portal.catalog.models import ModelRepo


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema describes our tokens."""

    target_class = "portal.accounts.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "wg_…"}


def caller_of(request: Any) -> Caller:
    """Whoever DRF authenticated, by token or by session."""
    person = request.user if isinstance(request.user, User) else None
    token = request.auth if isinstance(request.auth, AccessToken) else None
    return Caller(person, token)


class StandingSerializer(serializers.Serializer[Any]):
    """Whether the caller may, and if not, why and where to go."""

    allowed = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_blank=True)
    help_url = serializers.CharField(allow_blank=True)


class ModelSerializer(serializers.ModelSerializer[ModelRepo]):
    name = serializers.CharField(source="full_name")
    licence = serializers.CharField(source="licence.name", default=None)

    class Meta:
        model = ModelRepo
        fields: tuple[str, ...] = (
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


class ModelDetailSerializer(ModelSerializer):
    download = serializers.SerializerMethodField()
    inference = serializers.SerializerMethodField()

    class Meta(ModelSerializer.Meta):
        fields = (*ModelSerializer.Meta.fields, "why_gated", "download", "inference")

    def _standing(self, repo: ModelRepo, action: Action) -> dict[str, Any]:
        verdict = may_call(caller_of(self.context["request"]), action, repo, timezone.now())
        refusal = None if verdict.allowed else describe(verdict, repo)
        return {
            "allowed": verdict.allowed,
            "reason": verdict.reason,
            "message": refusal.heading if refusal else "",
            "help_url": refusal.act_url if refusal else "",
        }

    @extend_schema_field(StandingSerializer)
    def get_download(self, repo: ModelRepo) -> dict[str, Any]:
        return self._standing(repo, Action.DOWNLOAD)

    @extend_schema_field(StandingSerializer)
    def get_inference(self, repo: ModelRepo) -> dict[str, Any]:
        return self._standing(repo, Action.INFER)


class RequestSerializer(serializers.ModelSerializer[AccessRequest]):
    repo = serializers.CharField(source="repo.full_name")

    class Meta:
        model = AccessRequest
        fields = ("reference", "repo", "state", "created_at", "submitted_at", "due_at", "closed_at")


class ModelList(generics.ListAPIView[ModelRepo]):
    """The models that the caller may know of."""

    serializer_class = ModelSerializer
    permission_classes = (permissions.AllowAny,)

    def get_queryset(self) -> QuerySet[ModelRepo]:
        return ModelRepo.objects.visible_through(caller_of(self.request)).with_names()


class ModelDetail(generics.RetrieveAPIView[ModelRepo]):
    """One model, with the caller's standing at each of its gates."""

    serializer_class = ModelDetailSerializer
    permission_classes = (permissions.AllowAny,)

    def get_object(self) -> ModelRepo:
        visible = ModelRepo.objects.visible_through(caller_of(self.request)).with_names()
        full_name = f"{self.kwargs['namespace']}/{self.kwargs['name']}"
        return generics.get_object_or_404(visible.named(full_name))


class RequestList(generics.ListAPIView[AccessRequest]):
    """The caller's own requests, newest first."""

    serializer_class = RequestSerializer

    def get_queryset(self) -> QuerySet[AccessRequest]:
        if getattr(self, "swagger_fake_view", False):
            return AccessRequest.objects.none()
        own = AccessRequest.objects.of(self.request.user)
        return own.select_related("repo__namespace")
