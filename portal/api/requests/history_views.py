"""The history of a request, for its applicant and for the reviewers of the case."""

from __future__ import annotations

from typing import Any

from portal.access.models import AccessRequest
from portal.access.requests.diffs import changes_of
from portal.access.review.timeline import timeline_of
from portal.api.base.views import ApiListView
from portal.api.requests.serializers import ChangeOutput, EventOutput, SnapshotOutput


class HistoryListView(ApiListView):
    """A list of something that happened to one request, which a mixin finds."""

    def get_request(self) -> AccessRequest:
        """Return the request whose history is listed, if the caller may read it."""
        raise NotImplementedError


class EventListView(HistoryListView):
    """A list of a request's events."""

    serializer_class = EventOutput

    def get_queryset(self) -> Any:
        return timeline_of(self.get_request(), reader=self.user, now=self.now)


class SnapshotListView(HistoryListView):
    """A list of the snapshots of a request's answers."""

    serializer_class = SnapshotOutput

    def get_queryset(self) -> Any:
        return self.get_request().submissions.order_by("number")


class ChangeListView(HistoryListView):
    """A list of what each snapshot of a request changed."""

    serializer_class = ChangeOutput

    def get_queryset(self) -> Any:
        return changes_of(self.get_request())
