"""Who asked for a model, who has it and who was declined: the three lists of the Hub’s protocol."""

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
    """Where a person stands with a model, in the protocol’s words."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


def standing_grants(repo: ModelRepo, now: datetime) -> GrantQuerySet[Grant]:
    """Select grants that open the model now, or will after a signature or a check."""
    grants = Grant.objects.filter(repo=repo)
    return grants.active_at(now) | grants.offered_at(now) | grants.held_for_check(now)


def accepted_of(repo: ModelRepo, reader: User, now: datetime) -> GrantQuerySet[Grant]:
    """The newest standing grant of each person. ``shows_answers``: its request is one that this
    reader may read."""
    related = ("person", "decision__request", "decision__submission__form")
    read = AccessRequest.objects.readable_by(reader).filter(pk=OuterRef("decision__request"))
    found: Any = standing_grants(repo, now).select_related(*related)
    marked: GrantQuerySet[Grant] = found.annotate(shows_answers=Exists(read))
    return marked.order_by("person", "-pk").distinct("person")


def pending_of(repo: ModelRepo, reader: User) -> AccessRequestQuerySet[AccessRequest]:
    """The undecided requests that this person may read, the oldest first."""
    return _read(repo, reader).undecided().order_by("submitted_at", "pk")


def rejected_of(
    repo: ModelRepo, reader: User, now: datetime
) -> AccessRequestQuerySet[AccessRequest]:
    """The declined, where nothing newer came of them, the oldest decision first."""
    same = {"repo": repo, "applicant": OuterRef("applicant"), "pk__gt": OuterRef("pk")}
    newer = AccessRequest.objects.submitted().filter(**same)
    given = standing_grants(repo, now).filter(person=OuterRef("applicant"))
    declined = _read(repo, reader).filter(~Exists(newer), ~Exists(given), state=State.DECLINED)
    return declined.order_by("closed_at", "pk")


def _read(repo: ModelRepo, reader: User) -> AccessRequestQuerySet[AccessRequest]:
    read = AccessRequest.objects.readable_by(reader).filter(repo=repo)
    return read.select_related("applicant").prefetch_related("submissions__form")


def latest_request(repo: ModelRepo, user: User) -> AccessRequest | None:
    """What they asked last, drafts left out."""
    asked = AccessRequest.objects.of(user).submitted().filter(repo=repo)
    found: AccessRequest | None = asked.order_by("-pk").first()
    return found


def hub_status_of(repo: ModelRepo, user: User, now: datetime) -> HubAccessStatus | None:
    """None for who never asked and was given nothing, and for what is over."""
    if standing_grants(repo, now).filter(person=user).exists():
        return HubAccessStatus.ACCEPTED
    access_request = latest_request(repo, user)
    if access_request is None:
        return None
    if access_request.state in AccessRequest.UNDECIDED_STATES:
        return HubAccessStatus.PENDING
    return HubAccessStatus.REJECTED if access_request.state == State.DECLINED else None
