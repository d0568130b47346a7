"""Invitations to one model's team, and the guests of one case."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import Invitation
from portal.access.people.guests import remove_guest
from portal.access.people.invitations import invite_guest, invite_to_team
from portal.access.policy.contacts import guests_of
from portal.access.policy.request_actions import RequestAction
from portal.accounts.models import User
from portal.api.base.permissions import HasAdminScope
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.serializers import PersonOutput
from portal.api.base.views import ApiListView
from portal.api.labs.serializers import (
    GuestInput,
    InvitationOutput,
    InvitedOutput,
    TeamInvitationInput,
)
from portal.api.review.cases import CaseMixin


@extend_schema_view(get=extend_schema(operation_id="list_team_invitations"))
class TeamInvitationListView(RepoMixin, ApiListView):
    """List the invitations to a model's team that wait, the newest first."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = InvitationOutput
    input_serializer_class = TeamInvitationInput

    def get_queryset(self) -> QuerySet[Invitation]:
        waiting = Invitation.objects.waiting().filter(repo=self.get_administered_repo())
        return waiting.with_bounces().select_related("invited_by")

    @extend_schema(
        operation_id="invite_to_team",
        responses=InvitedOutput,
        examples=example(person="colleague@university.example", role="reviewer"),
    )
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Seat a person on a model's team, or invite an address without an account."""
        repo = self.get_administered_repo()
        invited = invite_to_team(
            actor=self.user, repo_id=repo.pk, now=self.now, **self.validated_data
        )
        return Response(InvitedOutput(invited).data)


@extend_schema_view(get=extend_schema(operation_id="list_guests"))
class GuestListView(CaseMixin, ApiListView):
    """List the people outside the team who were invited to this one case."""

    request_action = RequestAction.INVITE
    serializer_class = PersonOutput
    input_serializer_class = GuestInput

    def get_queryset(self) -> QuerySet[User]:
        return guests_of(self.get_request())

    @extend_schema(
        operation_id="invite_guest",
        responses=InvitedOutput,
        examples=example(person="expert@university.example"),
    )
    def post(self, request: Request, request_id: int) -> Response:
        """Let somebody outside the team read this case and vote, until it is decided."""
        self.require_may(self.request_action)
        invited = invite_guest(
            actor=self.user, request_id=request_id, now=self.now, **self.validated_data
        )
        return Response(InvitedOutput(invited).data)


class GuestView(CaseMixin):
    @extend_schema(operation_id="remove_guest", responses={204: None})
    def delete(self, request: Request, request_id: int, username: str) -> Response:
        """End a guest's seat at this case; their vote no longer counts."""
        self.require_may(RequestAction.INVITE)
        remove_guest(actor=self.user, request_id=request_id, username=username, now=self.now)
        return Response(status=204)
