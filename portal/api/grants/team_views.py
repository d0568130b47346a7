"""A model's grants, for those who run it: the list, ending them, renewals."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet, prefetch_related_objects
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.errors import RenewalNotFound
from portal.access.grants.collections.ending import end_coverage
from portal.access.grants.ending.revocation import end_by_notice, revoke_grant
from portal.access.grants.ending.withdrawal import withdraw_notice, withdraw_proposal
from portal.access.grants.governing_licence import versions_of_grants
from portal.access.grants.listing import list_grants
from portal.access.grants.quotas.changing import change_quotas
from portal.access.grants.renewals import decide_renewal
from portal.access.models import Grant, Renewal
from portal.access.policy.covered import standing_coverage
from portal.api.base.pagination import ReadyPage, ReadyPages
from portal.api.base.permissions import HasAdminScope, HasReviewScope
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.serializers import ReasonInput
from portal.api.base.views import ApiListView, ApiView
from portal.api.grants.inputs import (
    ChangeQuotasInput,
    DecideRenewalInput,
    EndModelInput,
    GrantFilters,
    NoticeInput,
    WithdrawNoticeInput,
)
from portal.api.grants.serializers import GrantOutput, NoticeOutput, RenewalOutput
from portal.api.grants.views import GrantMixin
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors


@extend_schema_view(get=extend_schema(operation_id="list_granted"))
class GrantedListView(RepoMixin, ApiListView):
    """List a model's grants, filtered as on the page, the earliest end first."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = GrantOutput
    filter_serializer_class = GrantFilters
    pagination_class = ReadyPages

    def get_queryset(self) -> Any:
        return self.get_page()

    def get_page(self) -> ReadyPage:
        repo = self.get_team_repo()
        queries = {name: str(value) for name, value in self.filters.items()}
        listed = list_grants(repo, queries, self.now)
        page = listed.page
        return ReadyPage(
            _of_repo(repo, [row.grant for row in listed.rows]),
            next={"page": page.next_page_number()} if page.has_next() else None,
            previous={"page": page.previous_page_number()} if page.has_previous() else None,
            count=page.paginator.count,
        )


def _of_repo(repo: ModelRepo, grants: list[Grant]) -> list[Grant]:
    """Give the grants what showing them reads, in a fixed number of queries."""
    for grant in grants:
        grant.repo = repo
    prefetch_related_objects(grants, "acceptance__licence_version__licence")
    return grants


class GrantRevokeView(GrantMixin):
    permission_classes = write_permission_classes = [HasAdminScope]
    input_serializer_class = ReasonInput

    @extend_schema(operation_id="revoke", examples=example(reason="The weights were passed on."))
    def post(self, request: Request, grant_id: int) -> Response:
        """End a grant at once, and mail its holder.

        Where two people are needed, the first call proposes it: then `revocation_proposed_at` is
        set and `revoked_at` is not.
        """
        self.see_grant(grant_id)
        reason = self.validated_data["reason"]
        revoke_grant(actor=self.user, grant_id=grant_id, reason=reason, now=self.now)
        return self.show(grant_id)


class GrantModelEndView(GrantMixin):
    permission_classes = write_permission_classes = [HasAdminScope]
    input_serializer_class = EndModelInput

    @extend_schema(
        operation_id="end_model",
        examples=example(model="lab/opt-66b", reason="This model is for evaluation alone."),
    )
    def post(self, request: Request, grant_id: int) -> Response:
        """End one model of a grant through a collection; the others stay open."""
        seen, name = self.see_grant(grant_id), self.validated_data["model"]
        covered = {row.repo.full_name: row.repo_id for row in standing_coverage(seen.grant)}
        if name not in covered:
            names = ", ".join(covered) or "none: it isn’t through a collection"
            raise FieldErrors({"model": f"This grant doesn’t cover it. It covers {names}."})
        end_coverage(
            actor=self.user,
            grant_id=grant_id,
            repo_id=covered[name],
            reason=self.validated_data["reason"],
            now=self.now,
        )
        return self.show(grant_id)


class GrantQuotasView(GrantMixin):
    permission_classes = write_permission_classes = [HasReviewScope]
    input_serializer_class = ChangeQuotasInput

    @extend_schema(
        operation_id="change_quotas",
        examples=example(quotas={"tokens_per_day": 500_000}, reason="Your evaluation needs more."),
    )
    def post(self, request: Request, grant_id: int) -> Response:
        """Change the quotas of hosted use of a grant, within the gate's bounds, for the team.

        They hold for what is sent from now on, and for a grant that renews this one. The holder
        and the members get a letter.
        """
        self.see_grant(grant_id)
        change_quotas(
            actor=self.user,
            grant_id=grant_id,
            changes=self.validated_data["quotas"],
            reason=self.validated_data["reason"],
            now=self.now,
        )
        return self.show(grant_id)


class RevocationWithdrawView(GrantMixin):
    permission_classes = write_permission_classes = [HasAdminScope]

    @extend_schema(operation_id="take_proposal_back")
    def post(self, request: Request, grant_id: int) -> Response:
        """Withdraw a proposed revocation: by who proposed it, or who administers the model."""
        self.see_grant(grant_id)
        withdraw_proposal(actor=self.user, grant_id=grant_id, now=self.now)
        return self.show(grant_id)


class NoticeMixin(RepoMixin):
    """A view of notice on grants under one version of the licence, or on those named."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = NoticeOutput

    def version_id(self, repo: ModelRepo) -> int | None:
        version = self.validated_data.get("version", "")
        if not version:
            return None
        own = repo.licence.slug if repo.licence else ""
        licence = self.validated_data.get("licence", own)
        versions = versions_of_grants(repo).filter(licence__slug=licence, version=version)
        licence_version = versions.first()
        if licence_version is None:
            raise FieldErrors({"version": f"Choose a version of the licence {licence}."})
        return licence_version.pk

    def answer(self, grants: list[Grant]) -> Response:
        return Response(self.get_serializer({"grants": [grant.pk for grant in grants]}).data)


class NoticeView(NoticeMixin):
    input_serializer_class = NoticeInput

    @extend_schema(
        operation_id="give_notice",
        examples=example(version="1.0", until="2027-12-31", reason="Its successor replaces it."),
    )
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """End grants by notice: those under one version of the licence, or those named."""
        repo = self.get_administered_repo()
        noticed = end_by_notice(
            actor=self.user,
            repo_id=repo.pk,
            licence_version_id=self.version_id(repo),
            grant_ids=self.validated_data.get("grants", ()),
            ends_at=self.validated_data["until"],
            reason=self.validated_data["reason"],
            now=self.now,
        )
        return self.answer(noticed)


class NoticeWithdrawView(NoticeMixin):
    input_serializer_class = WithdrawNoticeInput

    @extend_schema(operation_id="take_notice_back", examples=example(version="1.0"))
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Withdraw a notice before its day, under one version of the licence or of grants named."""
        repo = self.get_administered_repo()
        withdrawn = withdraw_notice(
            actor=self.user,
            repo_id=repo.pk,
            licence_version_id=self.version_id(repo),
            grant_ids=self.validated_data.get("grants", ()),
            now=self.now,
        )
        return self.answer(withdrawn)


@extend_schema_view(get=extend_schema(operation_id="list_renewals"))
class RenewalListView(RepoMixin, ApiListView):
    """List the reports that were filed on a model's grants, the newest first."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = RenewalOutput

    def get_queryset(self) -> QuerySet[Renewal]:
        renewals = Renewal.objects.filter(grant__repo=self.get_team_repo())
        return renewals.order_by("-filed_at", "-pk")


class RenewalView(ApiView):
    permission_classes = write_permission_classes = [HasReviewScope]
    serializer_class = RenewalOutput
    input_serializer_class = DecideRenewalInput

    @extend_schema(
        operation_id="decide",
        examples=example(granted=False, reason="The report doesn’t say what was released."),
    )
    def post(self, request: Request, renewal_id: int) -> Response:
        """Decide a renewal, for the team."""
        if not self.within(Renewal.objects.filter(pk=renewal_id), "grant__repo").exists():
            raise RenewalNotFound
        renewal = decide_renewal(
            actor=self.user, renewal_id=renewal_id, now=self.now, **self.validated_data
        )
        return Response(self.get_serializer(renewal).data)
