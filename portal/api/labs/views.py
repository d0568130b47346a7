"""Labs: which there are, who works there, and invitations."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.people.invitations import invite_to_lab
from portal.access.people.listing import lab_person, people_of
from portal.access.people.roles import require_may_change_people, take_role
from portal.accounts.models import Namespace, User
from portal.accounts.operating import MAKE_A_LAB, require_operator
from portal.accounts.services import create_lab
from portal.api.base.permissions import HasAdminScope
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.labs.serializers import (
    InvitedOutput,
    LabInput,
    LabOutput,
    LabPersonOutput,
    LabRoleInput,
)
from portal.catalog.labs.lookup import lab_named, labs_listed_to
from portal.errors import Forbidden, NotFound


class LabMixin(ApiView):
    """A view whose address names a lab, as ``namespace``."""

    permission_classes = write_permission_classes = [HasAdminScope]

    def get_lab(self) -> Namespace:
        """Return the lab to somebody who runs it; raise NotFound to anybody else."""
        self.require_for_all_models()
        lab = lab_named(self.user, self.kwargs["namespace"])
        if lab is None:
            raise NotFound("There’s no such lab, or none that you publish or administer in.")
        return lab

    def require_for_all_models(self) -> None:
        """Refuse a token for some models: a role in a lab is for all of its models."""
        if self.is_for_some_models:
            raise Forbidden("This token is for some models. Make one for all to change a lab.")


@extend_schema_view(get=extend_schema(operation_id="list_labs"))
class LabListView(LabMixin, ApiListView):
    """List the labs in which the caller publishes or administers; to operators, all of them."""

    serializer_class = LabOutput
    input_serializer_class = LabInput

    def get_queryset(self) -> QuerySet[Namespace]:
        return labs_listed_to(self.user)

    @extend_schema(
        operation_id="create_lab",
        responses={201: LabOutput},
        examples=example(name="example-lab", title="Example Lab"),
    )
    def post(self, request: Request) -> Response:
        """Make a lab, which operators may; they publish there at once."""
        self.require_for_all_models()
        require_operator(self.user, MAKE_A_LAB)
        lab = create_lab(actor=self.user, now=self.now, **self.validated_data)
        return Response(self.get_serializer(lab).data, status=201)


@extend_schema_view(get=extend_schema(operation_id="show_lab"))
class LabView(LabMixin, ApiRetrieveView):
    """Show a lab."""

    serializer_class = LabOutput

    def get_object(self) -> Namespace:
        return self.get_lab()


@extend_schema_view(get=extend_schema(operation_id="list_lab_people"))
class LabPersonListView(LabMixin, ApiListView):
    """List who works in a lab, with their roles there and their seats on single models."""

    serializer_class = LabPersonOutput
    input_serializer_class = LabRoleInput

    def get_queryset(self) -> QuerySet[User]:
        return people_of(self.get_lab())

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        return None if page is None else [lab_person(user) for user in page]

    @extend_schema(
        operation_id="give_role",
        responses=InvitedOutput,
        examples=example(person="colleague@university.example", role="publisher"),
    )
    def post(self, request: Request, namespace: str) -> Response:
        """Give a person a role, or invite an address without an account to it."""
        lab = self.get_lab()
        require_may_change_people(self.user, lab)  # before what was sent is looked at
        invited = invite_to_lab(
            actor=self.user, namespace_id=lab.pk, now=self.now, **self.validated_data
        )
        return Response(InvitedOutput(invited).data)


class LabRoleView(LabMixin):
    @extend_schema(operation_id="take_role", responses={204: None})
    def delete(self, request: Request, namespace: str, username: str, role: str) -> Response:
        """Take a role in a lab, unless a team could then no longer do its work."""
        lab = self.get_lab()
        take_role(actor=self.user, namespace_id=lab.pk, username=username, role=role, now=self.now)
        return Response(status=204)
