"""The members of a grant: inviting, joining, ending, and checks on those held back."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.errors import GrantNotFound, MembershipNotFound
from portal.access.grants.checks.members import clear_member, held_membership
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.members.membership import invite_member, remove_member
from portal.access.models import Membership
from portal.api.base.permissions import HasReviewScope
from portal.api.base.schema import example
from portal.api.base.serializers import TextInput
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView, SigningMixin
from portal.api.grants.inputs import EndMemberInput, InviteInput
from portal.api.grants.serializers import MemberCheckOutput, MemberOutput
from portal.api.grants.views import SIGNED_EXAMPLE, GrantMixin


@extend_schema_view(get=extend_schema(operation_id="list_members"))
class MemberListView(GrantMixin, ApiListView):
    """List who works under a grant, for its holder and the team."""

    serializer_class = MemberOutput
    input_serializer_class = InviteInput

    def get_queryset(self) -> QuerySet[Membership]:
        seen = self.see_grant(self.kwargs["grant_id"])
        if not (seen.mine or (seen.may_review and self.reads_for_team)):
            raise GrantNotFound
        members: QuerySet[Any] = Membership.objects.filter(grant=seen.grant)
        return members.select_related("person").order_by("pk")

    @extend_schema(
        operation_id="invite",
        responses={201: MemberOutput},
        examples=example(email="colleague@university.example"),
    )
    def post(self, request: Request, grant_id: int) -> Response:
        """Invite a colleague by their address. The one address is invited once."""
        self.require_holder(grant_id)
        email = self.validated_data["email"]
        membership = invite_member(holder=self.user, grant_id=grant_id, email=email, now=self.now)
        return Response(self.get_serializer(membership).data, status=201)


class MemberJoinView(SigningMixin):
    serializer_class = MemberOutput

    @extend_schema(operation_id="join", examples=SIGNED_EXAMPLE)
    def post(self, request: Request, membership_id: int) -> Response:
        """Sign in one's own name, and work under the grant that one was invited to."""
        if not Membership.objects.filter(pk=membership_id).exists():
            raise MembershipNotFound
        membership = join_as_member(
            person=self.user,
            membership_id=membership_id,
            signature=self.signature,
            now=self.now,
        )
        return Response(self.get_serializer(membership).data)


class MemberEndView(ApiView):
    serializer_class = MemberOutput
    input_serializer_class = EndMemberInput

    @extend_schema(operation_id="end_member", examples=example(reason="Left the group."))
    def post(self, request: Request, membership_id: int) -> Response:
        """End a membership: by the holder, the member, or who administers the model."""
        reason = self.validated_data["reason"]
        membership = remove_member(
            actor=self.user, membership_id=membership_id, reason=reason, now=self.now
        )
        return Response(self.get_serializer(membership).data)


@extend_schema_view(get=extend_schema(operation_id="show_member_check"))
class MemberCheckView(ApiRetrieveView):
    """Show what the screening lists have on somebody who signed as a member."""

    permission_classes = write_permission_classes = [HasReviewScope]
    serializer_class = MemberCheckOutput
    input_serializer_class = TextInput

    def get_object(self) -> Membership:
        held_member = held_membership(self.user, self.kwargs["membership_id"], self.now)
        screened = Membership.objects.filter(pk=held_member.pk, screenings__isnull=False)
        memberships = self.within(screened, "grant__repo").select_related("person")
        membership = memberships.distinct().first()
        if membership is None:
            raise MembershipNotFound
        return membership

    @extend_schema(
        operation_id="clear_member_check",
        examples=example(text="Another person of the same name; the birth year differs."),
    )
    def post(self, request: Request, membership_id: int) -> Response:
        """Clear a member whom the lists hold back; they join. Who can't be cleared is ended."""
        self.get_object()
        text = self.validated_data["text"]
        clear_member(actor=self.user, membership_id=membership_id, text=text, now=self.now)
        return self.retrieve(request)
