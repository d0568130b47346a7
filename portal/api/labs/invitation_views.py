"""Invitations in the API: those to a lab, or to operate the site, and those to the caller."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import Invitation
from portal.access.people.accepting import accept_own_invitation, invitations_for
from portal.access.people.errors import NoSuchInvitation
from portal.access.people.managing import resend_invitation, withdraw_invitation
from portal.api.base.permissions import IsForAllModels
from portal.api.base.views import ApiListView, ApiView
from portal.api.labs.operator_views import OperatorMixin
from portal.api.labs.serializers import InvitationOutput, OwnInvitationOutput
from portal.api.labs.views import LabMixin


class InvitationMixin(ApiView):
    """A view about one invitation among those of ``get_invitations``."""

    serializer_class = InvitationOutput

    def get_invitations(self) -> QuerySet[Invitation]:
        """Return the invitations to one place, to whoever may see them."""
        raise NotImplementedError

    def get_invitation(self) -> Invitation:
        """Return the invitation of the address. Raise NoSuchInvitation for one to elsewhere."""
        invitation = self.get_invitations().filter(pk=self.kwargs["invitation_id"]).first()
        if invitation is None:
            raise NoSuchInvitation
        return invitation

    def withdraw(self) -> Response:
        """Withdraw the invitation, whose link ends at once."""
        key = self.get_invitation().pk
        withdraw_invitation(actor=self.user, invitation_id=key, now=self.now)
        return Response(status=204)

    def send_again(self) -> Response:
        """Send the invitation again with a new link; the old link ends."""
        key = self.get_invitation().pk
        again = resend_invitation(actor=self.user, invitation_id=key, now=self.now)
        return Response(self.get_serializer(again).data)


class LabInvitationMixin(LabMixin, InvitationMixin):
    """A view about invitations to a lab."""

    def get_invitations(self) -> QuerySet[Invitation]:
        return Invitation.objects.filter(namespace=self.get_lab())


class OperatorInvitationMixin(OperatorMixin, InvitationMixin):
    """A view about invitations to operate the site."""

    def get_invitations(self) -> QuerySet[Invitation]:
        self.require_operator()
        return Invitation.objects.to_operate()


def listed(invitations: QuerySet[Invitation]) -> QuerySet[Invitation]:
    """Narrow invitations to those that wait, as ``InvitationOutput`` shows them."""
    waiting = Invitation.objects.waiting().filter(pk__in=invitations.values("pk"))
    rows: QuerySet[Invitation] = waiting.with_bounces().select_related("invited_by")
    return rows


@extend_schema_view(get=extend_schema(operation_id="list_lab_invitations"))
class LabInvitationListView(LabInvitationMixin, ApiListView):
    """List the invitations to a lab that wait, the newest first."""

    def get_queryset(self) -> QuerySet[Invitation]:
        return listed(self.get_invitations())


class LabInvitationView(LabInvitationMixin):
    @extend_schema(operation_id="withdraw_invitation", responses={204: None})
    def delete(self, request: Request, namespace: str, invitation_id: int) -> Response:
        """Withdraw an invitation, whose link ends at once."""
        return self.withdraw()


class LabInvitationAgainView(LabInvitationMixin):
    @extend_schema(operation_id="resend_invitation")
    def post(self, request: Request, namespace: str, invitation_id: int) -> Response:
        """Send an invitation again with a new link; the old link ends."""
        return self.send_again()


@extend_schema_view(get=extend_schema(operation_id="list_operator_invitations"))
class OperatorInvitationListView(OperatorInvitationMixin, ApiListView):
    """List the invitations to operate the site that wait, the newest first."""

    def get_queryset(self) -> QuerySet[Invitation]:
        return listed(self.get_invitations())


class OperatorInvitationView(OperatorInvitationMixin):
    @extend_schema(operation_id="withdraw_operator_invitation", responses={204: None})
    def delete(self, request: Request, invitation_id: int) -> Response:
        """Withdraw an invitation to operate the site, whose link ends at once."""
        return self.withdraw()


class OperatorInvitationAgainView(OperatorInvitationMixin):
    @extend_schema(operation_id="resend_operator_invitation")
    def post(self, request: Request, invitation_id: int) -> Response:
        """Send an invitation to operate the site again with a new link; the old link ends."""
        return self.send_again()


@extend_schema_view(get=extend_schema(operation_id="list_own_invitations"))
class OwnInvitationListView(ApiListView):
    """List the open invitations to addresses that the caller has proved, the newest first."""

    permission_classes = [IsForAllModels]
    serializer_class = OwnInvitationOutput

    def get_queryset(self) -> QuerySet[Invitation]:
        return invitations_for(self.user, self.now)


class OwnInvitationAcceptView(ApiView):
    serializer_class = OwnInvitationOutput

    @extend_schema(operation_id="accept_invitation")
    def post(self, request: Request, invitation_id: int) -> Response:
        """Accept an invitation to an address that the caller has proved, in a session."""
        accepted = accept_own_invitation(
            person=self.user, invitation_id=invitation_id, now=self.now
        )
        return Response(self.get_serializer(accepted).data)
