"""End a model's time in its collection: it is taken out, deleted, or moved to another lab."""

from __future__ import annotations

from datetime import datetime

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.errors import LeadsCollection
from portal.catalog.models import Collection, CollectionMember, ModelRepo


def collection_led_by(repo_id: int) -> Collection | None:
    """Return the collection that a repo leads, which keeps it where it is."""
    led = Collection.objects.standing().filter(lead=repo_id).select_related("namespace")
    return led.first()


def lock_collections_of(repo_id: int) -> None:
    """Lock what a repo is in, so that nobody makes it the lead while it goes.

    Lock them before the repo, as everything does that changes a collection.
    """
    standing = CollectionMember.objects.standing().filter(repo=repo_id).values("collection")
    list(
        Collection.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=standing)
        .order_by("pk")
    )


def leave_collection(*, actor: User, repo: ModelRepo, now: datetime) -> None:
    """End a repo's time in its collection, if it is in one. Raise LeadsCollection for a lead."""
    if led := collection_led_by(repo.pk):
        raise LeadsCollection(repo.full_name, led)
    standing = CollectionMember.objects.standing().filter(repo=repo)
    if member := standing.select_related("repo__namespace", "collection__namespace").first():
        end_membership(actor=actor, member=member, now=now)


def end_membership(*, actor: User, member: CollectionMember, now: datetime) -> None:
    member.left_at, member.left_by = now, actor
    member.save(update_fields=["left_at", "left_by"])
    record(
        EventType.COLLECTION_MODEL_REMOVED,
        actor=actor,
        target=member.collection,
        at=now,
        repo=member.repo_id,
        name=member.repo.full_name,
    )
