"""Delete a collection: its name becomes free, and what came of it goes on."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.collections.changes import lock_collection, standing_members
from portal.catalog.models import Collection


@transaction.atomic
def delete_collection(*, actor: User, collection_id: int, now: datetime) -> Collection:
    """Delete a collection. It ends nobody's access, and no request: those begun through it go on.

    Its models stay, each asked for by itself or through another collection. Raise
    CollectionNotFound for one that is deleted already, and MayNotPublish to others than its lab.
    """
    collection = lock_collection(actor, collection_id)
    standing = standing_members(collection)
    repo_ids = list(standing.values_list("repo", flat=True))
    standing.update(left_at=now, left_by=actor)
    collection.deleted_at = now
    collection.save(update_fields=["deleted_at"])
    record(
        EventType.COLLECTION_DELETED,
        actor=actor,
        target=collection,
        at=now,
        name=collection.full_name,
        repos=repo_ids,
    )
    return collection
