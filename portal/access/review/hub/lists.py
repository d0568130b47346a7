"""The Hub protocol’s three lists of a model’s access requests: pending, accepted and rejected."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef

from portal.access.models import AccessRequest, Grant
from portal.access.querysets import AccessRequestQuerySet, GrantQuerySet
from portal.accounts.models import User
from portal.catalog.models import ModelRepo

State = AccessRequest.State


class HubAccessStatus(StrEnum):
    """The status of a user’s access to a model, in the words of the Hub’s protocol."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


def standing_grants(repo: ModelRepo, now: datetime) -> GrantQuerySet[Grant]:
    """Return the grants that open the model now, or will: later, once signed or checked."""
    return Grant.objects.covering(repo).standing_at(now)


def accepted_of(repo: ModelRepo, reader: User, now: datetime) -> GrantQuerySet[Grant]:
    """Return the newest grant of each user who has access.

    The annotation ``shows_answers`` is true where the reader may read the request behind it.
    """
    related = ("person", "decision__request", "decision__submission__form")
    readable = AccessRequest.objects.readable_by(reader).filter(pk=OuterRef("decision__request"))
    grants: Any = standing_grants(repo, now).select_related(*related)
    annotated: GrantQuerySet[Grant] = grants.annotate(shows_answers=Exists(readable))
    return annotated.order_by("person", "-pk").distinct("person")


def pending_of(repo: ModelRepo, reader: User) -> AccessRequestQuerySet[AccessRequest]:
    """Return the undecided requests that the reader may read, oldest first."""
    return _readable(repo, reader).undecided().order_by("submitted_at", "pk")


def rejected_of(
    repo: ModelRepo, reader: User, now: datetime
) -> AccessRequestQuerySet[AccessRequest]:
    """Return the declined requests whose applicants have no newer request or grant since."""
    same = {"applicant": OuterRef("applicant"), "pk__gt": OuterRef("pk")}
    newer = AccessRequest.objects.submitted().asking_for(repo).filter(**same)
    granted = standing_grants(repo, now).filter(person=OuterRef("applicant"))
    declined = _readable(repo, reader).filter(
        ~Exists(newer), ~Exists(granted), state=State.DECLINED
    )
    return declined.order_by("closed_at", "pk")


def _readable(repo: ModelRepo, reader: User) -> AccessRequestQuerySet[AccessRequest]:
    requests = AccessRequest.objects.readable_by(reader).asking_for(repo)
    return requests.select_related("applicant").prefetch_related("submissions__form")


def latest_request(repo: ModelRepo, user: User) -> AccessRequest | None:
    """Return the user’s newest submitted request for this model, or None."""
    submitted = AccessRequest.objects.of(user).submitted().asking_for(repo)
    newest: AccessRequest | None = submitted.order_by("-pk").first()
    return newest


def hub_status_of(repo: ModelRepo, user: User, now: datetime) -> HubAccessStatus | None:
    """Return the user’s status, or None if nothing is pending, granted or declined."""
    if standing_grants(repo, now).filter(person=user).exists():
        return HubAccessStatus.ACCEPTED
    access_request = latest_request(repo, user)
    if access_request is None:
        return None
    if access_request.state in AccessRequest.UNDECIDED_STATES:
        return HubAccessStatus.PENDING
    return HubAccessStatus.REJECTED if access_request.state == State.DECLINED else None
