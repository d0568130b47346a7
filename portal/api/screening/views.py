"""The lists that submissions are screened against, for the operators who keep them."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.models import ScreeningEntry
from portal.access.screening.lists import (
    add_entry,
    import_entries,
    read_lines,
    remove_entry,
)
from portal.accounts.operating import KEEP_LISTS, require_operator
from portal.api.base.permissions import HasAdminScope
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiView
from portal.api.screening.serializers import (
    EntryFilters,
    EntryInput,
    EntryOutput,
    ImportInput,
    ImportOutput,
)


@extend_schema_view(get=extend_schema(operation_id="list_entries"))
class EntryListView(ApiListView):
    """List the entries that stand on the screening lists."""

    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = EntryOutput
    input_serializer_class = EntryInput
    filter_serializer_class = EntryFilters

    def get_queryset(self) -> QuerySet[ScreeningEntry]:
        require_operator(self.user, KEEP_LISTS)
        entries = ScreeningEntry.objects.filter(removed_at=None).select_related("added_by")
        if kind := self.filters.get("kind"):
            entries = entries.filter(kind=kind)
        if q := self.filters.get("q"):
            entries = entries.filter(value__icontains=q)
        return entries.order_by("kind", "value", "pk")

    @extend_schema(
        operation_id="add",
        responses={201: EntryOutput},
        examples=example(kind="domain", value="example.org", note="Asked of by the lab"),
    )
    def post(self, request: Request) -> Response:
        """Add an entry. One that stands already stays as it is."""
        require_operator(self.user, KEEP_LISTS)
        entry = add_entry(actor=self.user, now=self.now, **self.validated_data)
        return Response(self.get_serializer(entry).data, status=201)


class EntryView(ApiView):
    permission_classes = write_permission_classes = [HasAdminScope]

    @extend_schema(operation_id="remove", responses={204: None})
    def delete(self, request: Request, entry_id: int) -> Response:
        """Remove an entry from the lists; its row stays for what was screened against it."""
        remove_entry(actor=self.user, entry_id=entry_id, now=self.now)
        return Response(status=204)


class ImportView(ApiView):
    permission_classes = write_permission_classes = [HasAdminScope]
    serializer_class = ImportOutput
    input_serializer_class = ImportInput

    @extend_schema(
        operation_id="import_lines",
        examples=example(lines="kind,value,note\ndomain,example.org,", dry_run=True),
    )
    def post(self, request: Request) -> Response:
        """Add every new line of a CSV, or none where one is wrong. A dry run names the wrong."""
        require_operator(self.user, KEEP_LISTS)
        lines = self.validated_data["lines"]
        if self.validated_data["dry_run"]:
            result = read_lines(lines)
        else:
            result = import_entries(actor=self.user, lines=lines, now=self.now)
        wrong = [{"line": number, "remedy": remedy} for number, remedy in result.wrong]
        counts = {"new": len(result.new), "known": result.known, "wrong": wrong}
        return Response(self.get_serializer(counts).data)
