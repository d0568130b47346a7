"""The record's published heads, and the gate's figures, for anybody."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view

from portal.api.base.permissions import AllowAny
from portal.api.base.views import ApiListView, ApiRetrieveView
from portal.api.record.serializers import FiguresOutput, HeadFilters, HeadOutput, VerifiedOutput
from portal.audit.models import AuditEvent, ChainHead
from portal.site.models import PublishedMonth
from portal.site.transparency.reading import as_json


@extend_schema_view(get=extend_schema(operation_id="list_heads"))
class HeadListView(ApiListView):
    """List the published heads of the record, the newest first."""

    permission_classes = [AllowAny]
    serializer_class = HeadOutput

    def get_queryset(self) -> QuerySet[ChainHead]:
        return ChainHead.objects.all()


@extend_schema_view(get=extend_schema(operation_id="verify"))
class VerificationView(ApiRetrieveView):
    """Check that the record still has what a receipt or certificate quotes of it."""

    permission_classes = [AllowAny]
    serializer_class = VerifiedOutput
    filter_serializer_class = HeadFilters

    def get_object(self) -> dict[str, bool]:
        quoted = {
            "sequence": self.filters["sequence"],
            "hash__startswith": self.filters["hash"],
        }
        return {
            "matches": AuditEvent.objects.filter(**quoted).exists(),
            "is_head": ChainHead.objects.filter(**quoted).exists(),
        }


@extend_schema_view(get=extend_schema(operation_id="show_transparency"))
class TransparencyView(ApiRetrieveView):
    """Show the published figures of each month that is over; small ones are withheld."""

    permission_classes = [AllowAny]
    serializer_class = FiguresOutput

    def get_object(self) -> dict[str, Any]:
        return as_json(list(PublishedMonth.objects.all()))
