"""Read one job's prompt and output with a reason, for operators alone."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.base.permissions import HasAdminScope
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.disclosures.serializers import (
    DisclosedTextsOutput,
    DisclosureInput,
    DisclosureOutput,
)
from portal.errors import Forbidden
from portal.jobs.disclosure.models import JobDisclosure
from portal.jobs.disclosure.services import (
    ask_disclosure,
    confirm_disclosure,
    disclosures_for,
    read_disclosed,
)
from portal.jobs.errors import DisclosureNotFound


class DisclosureMixin(ApiView):
    """A view for operators, by a token that is for all models."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = DisclosureOutput

    def get_queryset(self) -> QuerySet[JobDisclosure]:
        if self.is_for_some_models:
            raise Forbidden("This token is for some models. Use one that is for all.")
        return disclosures_for(self.user)

    def get_object(self) -> JobDisclosure:
        disclosure = self.get_queryset().filter(pk=self.kwargs["disclosure_id"]).first()
        if disclosure is None:
            raise DisclosureNotFound
        return disclosure


@extend_schema_view(get=extend_schema(operation_id="list_disclosures"))
class DisclosureListView(DisclosureMixin, ApiListView):
    """List what operators asked to read, the newest first."""

    input_serializer_class = DisclosureInput

    @extend_schema(
        operation_id="ask_disclosure",
        examples=example(
            job="6f2c3a52-6c9f-4a55-9f0f-9d2b5f8f3f11", reason="Abuse was reported to us."
        ),
    )
    def post(self, request: Request) -> Response:
        """Ask to read one job’s prompt and output. Its writer is told at once, with the reason."""
        self.get_queryset()  # which refuses everybody but operators
        data = self.validated_data
        disclosure = ask_disclosure(
            actor=self.user, job_id=data["job"], reason=data["reason"], now=self.now
        )
        return Response(DisclosureOutput(disclosure).data)


@extend_schema_view(get=extend_schema(operation_id="show_disclosure"))
class DisclosureView(DisclosureMixin, ApiRetrieveView):
    """Show one, without the texts."""


class DisclosureConfirmView(DisclosureMixin):
    @extend_schema(operation_id="confirm_disclosure")
    def post(self, request: Request, disclosure_id: int) -> Response:
        """Confirm another operator’s request, which opens it for an hour."""
        self.get_object()
        disclosure = confirm_disclosure(actor=self.user, disclosure_id=disclosure_id, now=self.now)
        return Response(DisclosureOutput(disclosure).data)


class DisclosureTextsView(DisclosureMixin):
    @extend_schema(operation_id="read_disclosed", responses=DisclosedTextsOutput)
    def get(self, request: Request, disclosure_id: int) -> Response:
        """Read the texts while it is open; only who asked may, and each reading is on record."""
        self.get_object()
        texts = read_disclosed(actor=self.user, disclosure_id=disclosure_id, now=self.now)
        return Response(DisclosedTextsOutput({"texts": texts}).data)
