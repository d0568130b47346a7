"""Licence texts, the caller's signatures under them, and publishing a text."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.certificates.certificate import own_signatures, read_certificate
from portal.access.errors import SignatureNotFound
from portal.access.grants.licence_gate import sign_for_grant
from portal.access.models import Acceptance
from portal.api.base.permissions import AllowAny, HasPublishScope, IsForAllModels
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.serializers import SIGNATURE_EXAMPLE
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView, SigningMixin
from portal.api.grants.serializers import GrantOutput
from portal.api.licences.serializers import (
    LicenceOutput,
    PublishedOutput,
    PublishInput,
    RecordedSignatureOutput,
    SignatureOutput,
    VersionDetailOutput,
    VersionDiffOutput,
    VersionOutput,
    version_diff,
)
from portal.catalog.licensing.drafting import LicenceDraft, draft_version
from portal.catalog.models import Licence, LicenceVersion, ModelRepo
from portal.catalog.services.licences import publish_licence_version, require_version_in_force
from portal.catalog.services.lookup import find_repo
from portal.errors import Forbidden, NotFound


@extend_schema_view(get=extend_schema(operation_id="list_signatures"))
class SignatureListView(ApiListView):
    """List the caller's own signatures, the newest first."""

    permission_classes = [IsForAllModels]
    serializer_class = SignatureOutput

    def get_queryset(self) -> QuerySet[Acceptance]:
        return own_signatures(self.user)


class SignatureView(ApiView):
    serializer_class = RecordedSignatureOutput

    @extend_schema(operation_id="show_signature")
    def get(self, request: Request, acceptance_id: int) -> Response:
        """Show a signature of the caller's, or one given for a model that they review."""
        certificate = read_certificate(self.user, acceptance_id)
        acceptance = certificate.acceptance
        is_own = acceptance.person_id == self.user.pk and not self.is_for_some_models
        if not is_own and not self._reads_for(certificate.repos):
            raise SignatureNotFound
        context = {**self.get_serializer_context(), "certificate": certificate}
        return Response(RecordedSignatureOutput(acceptance, context=context).data)

    def _reads_for(self, repo_names: list[str]) -> bool:
        """Tell whether the caller reads for a team, by a token for one of these models."""
        repos = self.within(ModelRepo.objects.with_names(), "pk")
        return self.reads_for_team and any(repos.named(name).exists() for name in repo_names)


@extend_schema_view(get=extend_schema(operation_id="list_licences"))
class LicenceListView(ApiListView):
    """List every licence that has a published text."""

    permission_classes = [AllowAny]
    write_permission_classes = [HasPublishScope]
    serializer_class = LicenceOutput
    input_serializer_class = PublishInput

    def get_queryset(self) -> QuerySet[Licence]:
        return Licence.objects.published().select_related("namespace").order_by("slug")

    @extend_schema(
        operation_id="publish_version",
        responses={201: PublishedOutput, 200: PublishedOutput},
        examples=example(
            slug="research",
            version="1.1",
            kind="editorial",
            text="You may study the model.",
            attribution="Licensed under the Research Licence.",
            terms={"may": ["Study it"], "attestations": []},
        ),
    )
    def post(self, request: Request) -> Response:
        """Publish a text of a licence, or preview it by a dry run.

        It never changes; publishing it again changes nothing.
        """
        if self.is_for_some_models:
            raise Forbidden(
                "This token is for some models, and a licence’s text binds every model under it. "
                "Make a token for all."
            )
        fields = dict(self.validated_data)
        if fields.pop("dry_run"):
            version = draft_version(actor=self.user, draft=LicenceDraft(**fields), now=self.now)
            return Response(self._shown(version))
        version = publish_licence_version(actor=self.user, now=self.now, **fields)
        return Response(self._shown(version), status=201)

    def _shown(self, version: LicenceVersion) -> Any:
        return PublishedOutput(version, context=self.get_serializer_context()).data


@extend_schema_view(get=extend_schema(operation_id="list_versions"))
class VersionListView(ApiListView):
    """List the versions of a licence, the newest first."""

    permission_classes = [AllowAny]
    serializer_class = VersionOutput

    def get_queryset(self) -> QuerySet[LicenceVersion]:
        licence = get_object_or_404(Licence, slug=self.kwargs["slug"])
        versions = LicenceVersion.objects.filter(licence=licence)
        return versions.select_related("licence").defer("text")


def _version(slug: str, version: str) -> LicenceVersion:
    versions = LicenceVersion.objects.select_related("licence")
    return get_object_or_404(versions, licence__slug=slug, version=version)


@extend_schema_view(get=extend_schema(operation_id="show_version"))
class VersionView(ApiRetrieveView):
    """Show one text, word for word."""

    permission_classes = [AllowAny]
    serializer_class = VersionDetailOutput

    def get_object(self) -> LicenceVersion:
        return _version(self.kwargs["slug"], self.kwargs["version"])


@extend_schema_view(get=extend_schema(operation_id="show_changes"))
class VersionDiffView(ApiRetrieveView):
    """Show what differs between two versions, by paragraphs, from the older to the newer."""

    permission_classes = [AllowAny]
    serializer_class = VersionDiffOutput

    def get_object(self) -> dict[str, Any]:
        slug = self.kwargs["slug"]
        versions = (_version(slug, self.kwargs[name]) for name in ("version", "other"))
        older, newer = sorted(versions, key=lambda version: (version.effective_at, version.pk))
        return version_diff(older, newer)


@extend_schema_view(get=extend_schema(operation_id="show_licence_in_force"))
class LicenceInForceView(RepoMixin, ApiRetrieveView):
    """Show the text signed for a model today: a signature takes its sha256 and attestations."""

    permission_classes = [AllowAny]
    serializer_class = VersionDetailOutput

    def get_object(self) -> LicenceVersion:
        repo = find_repo(self.repo_name, caller=self.caller)
        if repo.licence_id is None:
            raise NotFound("This model has no licence, so there is nothing to sign.")
        version = require_version_in_force(repo, now=self.now)
        return LicenceVersion.objects.select_related("licence").get(pk=version.pk)


class SignView(RepoMixin, SigningMixin):
    serializer_class = GrantOutput

    @extend_schema(operation_id="sign", examples=example(signature=SIGNATURE_EXAMPLE))
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Sign the licence. On the licence gate that opens the model at once."""
        repo = find_repo(self.repo_name, caller=self.caller)
        grant = sign_for_grant(
            person=self.user, repo_id=repo.pk, signature=self.signature, now=self.now
        )
        return Response(self.get_serializer(grant).data)
