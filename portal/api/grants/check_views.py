"""Screening hits on the holders and members of grants: list, show and clear them."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.errors import CheckNotFound
from portal.access.grants.checks.clearing import check_for, checks_of, clear_check
from portal.access.models import Screening
from portal.api.base.permissions import HasReviewScope
from portal.api.base.schema import example
from portal.api.base.serializers import TextInput
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.grants.serializers import CheckOutput


class CheckMixin(ApiView):
    """A view of checks, within the models that the token is for."""

    permission_classes = write_permission_classes = [HasReviewScope]
    serializer_class = CheckOutput

    def within_models(self, screenings: QuerySet[Screening]) -> QuerySet[Screening]:
        """Narrow by the models of the grants or memberships that the checks belong to."""
        if self.token is None or self.token.repo_ids is None:
            return screenings
        repos = self.token.repo_ids
        return screenings.filter(Q(grant__repo__in=repos) | Q(membership__grant__repo__in=repos))


@extend_schema_view(get=extend_schema(operation_id="list_checks"))
class CheckListView(CheckMixin, ApiListView):
    """List the open checks of the models that the caller administers, the earliest due first."""

    def get_queryset(self) -> QuerySet[Screening]:
        return self.within_models(checks_of(self.user, self.now))


@extend_schema_view(get=extend_schema(operation_id="show_check"))
class CheckView(CheckMixin, ApiRetrieveView):
    """Show what the lists have on somebody who signed."""

    input_serializer_class = TextInput

    def get_object(self) -> Screening:
        screening_id = self.kwargs["screening_id"]
        if not self.within_models(Screening.objects.filter(pk=screening_id)).exists():
            raise CheckNotFound
        return check_for(self.user, screening_id, self.now)

    @extend_schema(
        operation_id="clear",
        examples=example(text="Another person of the same name; the birth year differs."),
    )
    def post(self, request: Request, screening_id: int) -> Response:
        """Clear a check: what was held begins, or opens again. What can't be cleared is ended."""
        self.get_object()
        text = self.validated_data["text"]
        clear_check(actor=self.user, screening_id=screening_id, text=text, now=self.now)
        return self.retrieve(request)
