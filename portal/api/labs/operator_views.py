"""Show and change who operates the site, for operators alone."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.people.invitations import invite_operator
from portal.access.people.operators import take_operator
from portal.accounts.models import User
from portal.accounts.operating import SEE_OPERATORS, require_operator
from portal.api.base.permissions import HasAdminScope
from portal.api.base.schema import example
from portal.api.base.serializers import PersonOutput
from portal.api.base.views import ApiListView, ApiView
from portal.api.labs.serializers import InvitedOutput, OperatorInput
from portal.errors import Forbidden


class OperatorMixin(ApiView):
    """A view for operators, by a token that is for all models."""

    permission_classes = write_permission_classes = [HasAdminScope]

    def require_operator(self) -> None:
        """Raise Forbidden to anybody else."""
        require_operator(self.user, SEE_OPERATORS)
        if self.is_for_some_models:
            raise Forbidden("This token is for some models alone. Send one that is for all.")


@extend_schema_view(get=extend_schema(operation_id="list_operators"))
class OperatorListView(OperatorMixin, ApiListView):
    """List who operates the site."""

    serializer_class = PersonOutput
    input_serializer_class = OperatorInput

    def get_queryset(self) -> QuerySet[User]:
        self.require_operator()
        return User.objects.operators().order_by("username")

    @extend_schema(
        operation_id="make_operator",
        responses=InvitedOutput,
        examples=example(person="colleague@university.example"),
    )
    def post(self, request: Request) -> Response:
        """Make a person an operator, or invite an address without an account to be one."""
        self.require_operator()
        invited = invite_operator(actor=self.user, now=self.now, **self.validated_data)
        return Response(InvitedOutput(invited).data)


class OperatorView(OperatorMixin):
    @extend_schema(operation_id="take_operator", responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        """Take an operator's role; the last operator keeps it."""
        self.require_operator()
        take_operator(actor=self.user, username=username, now=self.now)
        return Response(status=204)
