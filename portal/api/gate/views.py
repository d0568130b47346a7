"""A gate for those who administer it: its settings, its questions, its team."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.gate.chair import choose_chair
from portal.access.gate.question_versions import save_request_form
from portal.access.gate.settings import RANGES, SWITCHES, save_gate, seat_member, unseat_member
from portal.access.models import RequestForm
from portal.access.policy.gate_settings import settings_of
from portal.accounts.models import User
from portal.api.base.permissions import HasAdminScope
from portal.api.base.repos import RepoMixin
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.gate.serializers import (
    FormInput,
    FormOutput,
    GateInput,
    GateOutput,
    SeatInput,
    SeatOutput,
)
from portal.catalog.labs.seats import seat_holders, with_seats
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors


@extend_schema_view(get=extend_schema(operation_id="show_gate"))
class GateSettingsView(RepoMixin, ApiRetrieveView):
    """Show how a model's team works: quorum, days, two-person decisions, members."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = GateOutput
    input_serializer_class = GateInput

    def get_object(self) -> dict[str, Any]:
        repo = self.get_administered_repo()
        settings = settings_of(repo)
        names = {*RANGES, *SWITCHES} - {"decision_days"}
        values = {name: getattr(settings, name) for name in names}
        return {
            **values,
            "decision_days": repo.decision_days,
            "chair": settings.chair.username if settings.chair else "",
            "updated_at": settings.updated_at,
        }

    @extend_schema(
        operation_id="change_gate", examples=example(quorum=2, two_person_revocation=True)
    )
    def patch(self, request: Request, namespace: str, name: str) -> Response:
        """Change settings of a gate. Refused where its team could no longer do its work."""
        repo, values = self.get_administered_repo(), dict(self.validated_data)
        chair = values.pop("chair", None)
        with transaction.atomic():  # of two settings that can't both be had, neither is saved
            save_gate(actor=self.user, repo_id=repo.pk, values=values, now=self.now)
            if chair is not None:
                choose_chair(actor=self.user, repo_id=repo.pk, person=chair, now=self.now)
        return self.retrieve(request)


QUESTION_EXAMPLE = {
    "name": "storage",
    "type": "long_text",
    "label": "Where will the weights be stored?",
    "step": "access",
    "material": True,
}
NO_FORM = {"version": 0, "fields": [], "created_by": None, "created_at": None}


@extend_schema_view(get=extend_schema(operation_id="list_forms"))
class FormListView(RepoMixin, ApiListView):
    """List each version of the lab's own questions, the newest first."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = FormOutput
    input_serializer_class = FormInput

    def get_queryset(self) -> QuerySet[RequestForm]:
        forms = RequestForm.objects.filter(repo=self.get_administered_repo())
        return forms.select_related("created_by").order_by("-version")

    @extend_schema(
        operation_id="save_form",
        responses=FormOutput,
        examples=example(over=0, questions=[QUESTION_EXAMPLE]),
    )
    def post(self, request: Request, namespace: str, name: str) -> Response:
        """Ask these questions from now on. A change makes a new version; no change makes none."""
        repo = self.get_administered_repo()
        form = save_request_form(
            actor=self.user,
            repo_id=repo.pk,
            fields=[dict(question) for question in self.validated_data["questions"]],
            over=self.validated_data.get("over"),
            now=self.now,
        )
        return Response(self.get_serializer(form or NO_FORM).data)


@extend_schema_view(get=extend_schema(operation_id="list_team"))
class TeamView(RepoMixin, ApiListView):
    """List who reviews and who administers a model."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = SeatOutput
    input_serializer_class = SeatInput

    def get_queryset(self) -> QuerySet[User]:
        repo = self.get_administered_repo()
        return with_seats(seat_holders(repo), repo).order_by("pk")

    @extend_schema(
        operation_id="seat",
        responses=SeatOutput,
        examples=example(person="reviewer", role="reviewer"),
    )
    def put(self, request: Request, namespace: str, name: str) -> Response:
        """Add somebody to the team, or give them another role."""
        repo = self.get_administered_repo()
        seat = seat_member(actor=self.user, repo_id=repo.pk, now=self.now, **self.validated_data)
        return Response(self.get_serializer(self.get_queryset().get(pk=seat.user_id)).data)


class SeatView(RepoMixin, ApiView):
    permission_classes = write_permission_classes = [HasAdminScope]

    @extend_schema(operation_id="unseat", responses={204: None})
    def delete(self, request: Request, namespace: str, name: str, username: str) -> Response:
        """Remove somebody from the team, unless it could then no longer do its work."""
        repo = self.get_administered_repo()
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            raise FieldErrors({"username": "No account has that username."})
        _require_no_lab_seat(repo, user)
        unseat_member(actor=self.user, repo_id=repo.pk, user_id=user.pk, now=self.now)
        return Response(status=204)


def _require_no_lab_seat(repo: ModelRepo, user: User) -> None:
    """Raise FieldErrors for somebody whose only seat is in the whole lab, which stays."""
    holder = with_seats(seat_holders(repo), repo).filter(pk=user.pk).first()
    if holder is None or holder.model_role:  # type: ignore[attr-defined]
        return
    lab = repo.namespace.name
    words = f"has a seat in the whole lab. Take it under /api/v1/labs/{lab}/people/."
    raise FieldErrors({"username": f"{user.username} {words}"})
