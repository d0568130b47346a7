"""Read from the record how a revision's load check went, and try one again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.catalog.errors import NotPublishable
from portal.catalog.load_check import UNCHECKED, LoadCheck
from portal.catalog.models import Revision
from portal.catalog.services.lookup import contents_of

FAILED, SAME = "failed", "same"
EVENTS = (EventType.REVISION_PUBLISHED, EventType.REVISION_TRIED)
MOST_ANCESTORS = 100
WORDS = {
    "loaded": "The engine loaded the stored files and generated from them",
    "read": "The stored tensors were read in full and are finite; the engine did not load them",
    "skipped": "The stored files were not loaded",
    UNCHECKED: "Not checked by the engine that is to serve it",
    FAILED: "The engine that is to serve it doesn’t load it",
}


def load_check_of(revision: Revision) -> dict[str, Any]:
    """Return the newest result of a revision's load check, as the record has it; {} for none.

    Files that are the same as before have the result of the revision before.
    """
    current: Revision | None = revision
    for _ in range(MOST_ANCESTORS):
        if current is None:
            break
        check = _recorded(current)
        if check.get("result") != SAME:
            return check
        current = current.parent
    return {}


def _recorded(revision: Revision) -> dict[str, Any]:
    events = AuditEvent.objects.filter(type__in=EVENTS, target_id=str(revision.pk))
    event = events.order_by("-pk").first()
    check: dict[str, Any] = event.data.get("load_check", {}) if event else {}
    return check


def is_unchecked(revision: Revision) -> bool:
    """Tell whether the engine that is to serve a revision hasn't loaded it, though it should."""
    return load_check_of(revision).get("result") in (UNCHECKED, FAILED)


def in_words(check: dict[str, Any]) -> str:
    """Say how a load check went, without a full stop."""
    said, reason = WORDS.get(str(check.get("result")), ""), str(check.get("reason", ""))
    return f"{said}: {reason}" if reason else said


def try_revision(*, actor: User, revision: Revision, now: datetime) -> dict[str, Any]:
    """Load a published revision with its engine, here and now, and record how that went."""
    try:
        check = LoadCheck(engine=revision.repo.engine)(list(contents_of(revision).values()))
        result: dict[str, Any] = check["load_check"]
    except NotPublishable as error:
        result = {"result": FAILED, "reason": " ".join(error.problems)}
    with transaction.atomic():
        record(
            EventType.REVISION_TRIED,
            actor=actor,
            target=revision,
            at=now,
            repo=revision.repo.full_name,
            commit=revision.commit,
            load_check=result,
        )
    return result
