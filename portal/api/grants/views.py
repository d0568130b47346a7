"""The caller's grants: offered, held, renewed, closed."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from portal.access.errors import GrantNotFound
from portal.access.grants.detail import RELATED, Seen, grant_context, seen_by
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.newer_text import sign_newer_version
from portal.access.grants.offers import accept_offer, decline_offer
from portal.access.grants.renewals import renew_grant
from portal.access.models import Grant
from portal.api.base.schema import example
from portal.api.base.serializers import SIGNATURE_EXAMPLE
from portal.api.base.views import ApiListView, ApiView, SigningMixin
from portal.api.grants.inputs import CloseInput, RenewInput
from portal.api.grants.serializers import GrantDetailOutput, GrantOutput, RenewalOutput

SIGNED_EXAMPLE = example(signature=SIGNATURE_EXAMPLE)


class GrantMixin(ApiView):
    """A view of one grant, as its holder, its members or the team sees it."""

    serializer_class: type[BaseSerializer[Any]] | None = GrantDetailOutput

    def see_grant(self, grant_id: int) -> Seen:
        """Return the grant with how the caller stands to it. Raise GrantNotFound to strangers."""
        if not self.within(Grant.objects.filter(pk=grant_id)).exists():
            raise GrantNotFound
        seen = seen_by(self.user, grant_id, self.now)
        if not (seen.mine or seen.membership or self.reads_for_team):
            raise GrantNotFound
        return seen

    def require_holder(self, grant_id: int) -> None:
        """Raise GrantNotFound unless the caller holds the grant."""
        own_grants = Grant.objects.filter(pk=grant_id, person=self.user)
        if not self.within(own_grants).exists():
            raise GrantNotFound

    def show(self, grant_id: int) -> Response:
        seen = self.see_grant(grant_id)
        page = grant_context(seen, self.now)
        context = {**self.get_serializer_context(), "page": page}
        return Response(GrantDetailOutput(seen.grant, context=context).data)


@extend_schema_view(get=extend_schema(operation_id="list_grants"))
class GrantListView(ApiListView):
    """List the caller's own grants and those they work under, the latest end first."""

    serializer_class = GrantOutput

    def get_queryset(self) -> QuerySet[Grant]:
        is_member = Q(
            memberships__person=self.user,
            memberships__joined_at__isnull=False,
            memberships__ended_at=None,
        )
        grants = Grant.objects.filter(Q(person=self.user) | is_member).told(self.now).distinct()
        shown = grants.select_related(*RELATED).prefetch_related("coverage__repo__namespace")
        return self.within(shown)


class GrantView(GrantMixin):
    @extend_schema(operation_id="show_grant")
    def get(self, request: Request, grant_id: int) -> Response:
        """Show a grant, as its holder, its members and the team see it."""
        return self.show(grant_id)


class OfferAcceptView(SigningMixin, GrantMixin):
    @extend_schema(operation_id="accept_grant_offer", examples=SIGNED_EXAMPLE)
    def post(self, request: Request, grant_id: int) -> Response:
        """Sign the text in force: the grant begins now."""
        self.require_holder(grant_id)
        accept_offer(person=self.user, grant_id=grant_id, signature=self.signature, now=self.now)
        return self.show(grant_id)


class OfferDeclineView(GrantMixin):
    @extend_schema(operation_id="decline_grant_offer")
    def post(self, request: Request, grant_id: int) -> Response:
        """Decline the offered terms."""
        self.require_holder(grant_id)
        decline_offer(person=self.user, grant_id=grant_id, now=self.now)
        return self.show(grant_id)


class GrantRenewView(SigningMixin, GrantMixin):
    serializer_class = RenewalOutput
    input_serializer_class = RenewInput

    @extend_schema(
        operation_id="renew",
        examples=example(
            report="We measured its calibration.", publications="", signature=SIGNATURE_EXAMPLE
        ),
    )
    def post(self, request: Request, grant_id: int) -> Response:
        """Report on the use and sign the text in force. A renewal may wait for the team."""
        self.require_holder(grant_id)
        renewal = renew_grant(
            holder=self.user,
            grant_id=grant_id,
            report=self.validated_data["report"],
            publications=self.validated_data["publications"],
            signature=self.signature,
            now=self.now,
        )
        return Response(self.get_serializer(renewal).data)


class NewerTextSignView(SigningMixin, GrantMixin):
    @extend_schema(operation_id="sign_newer", examples=SIGNED_EXAMPLE)
    def post(self, request: Request, grant_id: int) -> Response:
        """Sign the newer text and go on under it; the answer is the new grant."""
        self.require_holder(grant_id)
        grant = sign_newer_version(
            person=self.user, grant_id=grant_id, signature=self.signature, now=self.now
        )
        return self.show(grant.pk)


class GrantCloseView(GrantMixin):
    input_serializer_class = CloseInput

    @extend_schema(
        operation_id="close",
        examples=example(
            statement="The copies are deleted; the paper is out.", deleted_copies=True
        ),
    )
    def post(self, request: Request, grant_id: int) -> Response:
        """End a grant with a statement of what became of the copies."""
        self.require_holder(grant_id)
        close_grant(holder=self.user, grant_id=grant_id, now=self.now, **self.validated_data)
        return self.show(grant_id)
