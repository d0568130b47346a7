"""Say what an applicant can do next with each request in their list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.access.grants.status_badges import grant_state
from portal.access.lifecycle import is_active, is_offered
from portal.access.models import AccessRequest, Grant
from portal.access.review.status import FOR_APPLICANT, State, most_urgent
from portal.access.status_badge import StatusBadge


@dataclass(frozen=True)
class ListedRequest:
    """A request in its applicant's list. Without a ``url`` they can only wait.

    ``is_late``: its answer was due before now.
    """

    access_request: AccessRequest
    badge: StatusBadge
    text: str
    url: str = ""
    is_late: bool = False


def next_steps_of(access_requests: Iterable[AccessRequest], now: datetime) -> list[ListedRequest]:
    """Return a row for each request, in the same order, in two queries for all of them."""
    listed = list(access_requests)
    grants = _urgent_grants(listed, now)
    return [_row(access_request, grants.get(access_request.pk), now) for access_request in listed]


def _urgent_grants(access_requests: list[AccessRequest], now: datetime) -> dict[int, Grant | None]:
    """Return, by request, of the grants of its last decision the one that asks most of its holder.

    A grant that was renewed counts as the one that renewed it.
    """
    granted = Grant.objects.filter(decision__request__in=access_requests).told(now)
    newest: dict[int, list[Grant]] = {}
    for grant in granted.annotate(request_id=F("decision__request")).order_by("decision", "pk"):
        earlier = newest.get(grant.request_id, [])
        same = [before for before in earlier if before.decision_id == grant.decision_id]
        newest[grant.request_id] = [*same, grant]
    renewed = Grant.objects.filter(parent__in=[row.pk for rows in newest.values() for row in rows])
    by_parent = {grant.parent_id: grant for grant in renewed.order_by("pk")}
    return {
        key: most_urgent([by_parent.get(grant.pk, grant) for grant in grants], now)
        for key, grants in newest.items()
    }


def _row(access_request: AccessRequest, grant: Grant | None, now: datetime) -> ListedRequest:
    state = access_request.state_shown(now)
    if state == State.APPROVED and grant is not None:
        return _approved(access_request, grant, now)
    page = reverse("access:request", args=[access_request.pk])
    repo = access_request.repo
    start = reverse("access:start", args=[repo.namespace.name, repo.name])
    texts = {
        State.DRAFT: (_("Continue"), start),
        State.NEEDS_INFO: (_("Answer the question"), f"{page}#question"),
        State.DECLINED: (_("Read why"), page),
        State.LAPSED: (_("Take it up again"), page),
        State.WITHDRAWN: (_("Ask again"), start),
    }
    text, url = texts.get(state, ("", ""))
    is_late = not url and access_request.is_overdue(now)
    return ListedRequest(access_request, FOR_APPLICANT[state], text, url, is_late)


def _approved(access_request: AccessRequest, grant: Grant, now: datetime) -> ListedRequest:
    """Return the row of an approved request, whose grant may be over by now."""
    badge = FOR_APPLICANT[State.APPROVED]
    if is_offered(grant, now):
        offer = reverse("access:offer", args=[grant.pk])
        return ListedRequest(access_request, grant_state(grant, now), _("Read and sign"), offer)
    if is_active(grant, now):
        text = _("Use the models") if access_request.collection else _("Use the model")
        return ListedRequest(access_request, badge, text, access_request.about_url)
    page = reverse("access:grant", args=[grant.pk])
    return ListedRequest(access_request, grant_state(grant, now), _("See the grant"), page)
