"""The caller's choice of what the gates that they work write to them, and when."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.letters.team.choices import choices_of
from portal.access.notifications.choosing import choose_notifications
from portal.api.base.permissions import IsForAllModels
from portal.api.base.schema import example
from portal.api.base.views import ApiRetrieveView
from portal.api.notifications.serializers import NotificationsInput, NotificationsOutput


@extend_schema_view(get=extend_schema(operation_id="show_notifications"))
class NotificationsView(ApiRetrieveView):
    """Show what the caller is told of: each event at once, in the daily digest, or never."""

    permission_classes = [IsForAllModels]
    serializer_class = NotificationsOutput
    input_serializer_class = NotificationsInput

    def get_object(self) -> dict[str, str]:
        return {str(event): str(chosen) for event, chosen in choices_of(self.user).items()}

    @extend_schema(
        operation_id="choose_notifications", examples=example(new_request="daily", decided="never")
    )
    def patch(self, request: Request) -> Response:
        """Choose how often the caller is told of these events."""
        choose_notifications(person=self.user, choices=self.validated_data, now=self.now)
        return self.retrieve(request)
