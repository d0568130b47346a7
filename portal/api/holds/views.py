"""Legal holds, for those who may place and lift them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.errors import HoldNotFound
from portal.access.holds.holds import lift_hold, place_hold, proposed
from portal.access.holds.targets import subject_id
from portal.access.models import Hold
from portal.api.base.permissions import HasAdminScope
from portal.api.base.schema import example, refusal
from portal.api.base.serializers import ReasonInput
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.holds.serializers import HoldDetailOutput, HoldFilters, HoldOutput, PlaceInput
from portal.catalog.models import ModelRepo
from portal.catalog.services.lookup import find_repo
from portal.errors import FieldErrors, Forbidden

RELATED = ("person", "organization", "revision__repo__namespace", "repo__namespace", "placed_by")


class HoldMixin(ApiView):
    """A view of the holds that the caller manages."""

    permission_classes = write_permission_classes = [HasAdminScope]

    def get_queryset(self) -> QuerySet[Hold]:
        if not ModelRepo.objects.administered_by(self.user).exists():
            raise Forbidden("Holds are for the people who administer a model.")
        return self.within(Hold.objects.manageable_by(self.user).select_related(*RELATED))


@extend_schema_view(get=extend_schema(operation_id="list_holds"))
class HoldListView(HoldMixin, ApiListView):
    """List the holds that the caller manages, the newest first."""

    serializer_class = HoldOutput
    input_serializer_class = PlaceInput
    filter_serializer_class = HoldFilters

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(lifted_at__isnull=self.filters["view"] == "standing")

    @extend_schema(
        operation_id="place",
        responses={200: HoldDetailOutput, 404: refusal(404)},
        examples=example(
            scope="person",
            subject="researcher",
            repo="lab/model",
            reason="A leak is looked into.",
            dry_run=True,
        ),
    )
    def post(self, request: Request) -> Response:
        """Hold a person, an organization or a revision at once. A dry run tells what it stops."""
        self.get_queryset()  # which refuses those who administer nothing
        repo, data = self._named_repo(), self.validated_data
        target = {
            "actor": self.user,
            "scope": data["scope"],
            "subject_id": subject_id(data["scope"], data["subject"], repo),
            "repo_id": repo.pk if repo else None,
            "only_files": data["only_files"],
            "now": self.now,
        }
        if data["dry_run"]:
            hold = proposed(**target)
            hold.reason = data["reason"]
        else:
            hold = place_hold(**target, reason=data["reason"])
        return Response(HoldDetailOutput(hold, context=self.get_serializer_context()).data)

    def _named_repo(self) -> ModelRepo | None:
        """Return the model to hold, or None for all, which a token for some models can't hold."""
        if "repo" not in self.validated_data:
            if self.is_for_some_models:
                raise FieldErrors({"repo": "This token is for some models. Name one of them."})
            return None
        repo = find_repo(self.validated_data["repo"], caller=self.caller)
        if not self.within(ModelRepo.objects.filter(pk=repo.pk), "pk").exists():
            raise FieldErrors({"repo": "This token is for other models. Name one of those."})
        return repo


class HoldDetailMixin(RetrieveModelMixin, HoldMixin):
    """A view of one hold."""

    serializer_class = HoldDetailOutput

    def get_object(self) -> Hold:
        hold = self.get_queryset().filter(pk=self.kwargs["hold_id"]).first()
        if hold is None:
            raise HoldNotFound
        return hold


@extend_schema_view(get=extend_schema(operation_id="show_hold"))
class HoldView(HoldDetailMixin, ApiRetrieveView):
    """Show a hold, what it stops, and who would lift it."""


class HoldLiftView(HoldDetailMixin):
    input_serializer_class = ReasonInput

    @extend_schema(operation_id="lift", examples=example(reason="Nothing was found."))
    def post(self, request: Request, hold_id: int) -> Response:
        """Agree that a hold may end. It ends once as many people agree as the quorum asks."""
        self.get_object()
        reason = self.validated_data["reason"]
        lift_hold(actor=self.user, hold_id=hold_id, reason=reason, now=self.now)
        return self.retrieve(request)
