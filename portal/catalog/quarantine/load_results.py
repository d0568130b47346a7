"""Read from the record how a revision's load check went, and try one again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.catalog.engine_choice import engine_of
from portal.catalog.errors import NotPublishable
from portal.catalog.load_check import UNCHECKED, LoadCheck
from portal.catalog.models import EngineName, ModelRepo, Revision
from portal.catalog.services.lookup import contents_of

FAILED, SAME, SKIPPED, READ = "failed", "same", "skipped", "read"
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
    return next(_checks(revision), {})


def _checks(revision: Revision) -> Iterator[dict[str, Any]]:
    """Yield what the record has of a revision's files, the newest first."""
    current: Revision | None = revision
    for _ in range(MOST_ANCESTORS):
        if current is None:
            return
        events = AuditEvent.objects.filter(type__in=EVENTS, target_id=str(current.pk))
        checks = [event.data.get("load_check", {}) for event in events.order_by("-pk")]
        yield from (check for check in checks if check.get("result") not in (None, SAME))
        if not any(check.get("result") == SAME for check in checks):
            return
        current = current.parent


def why_not_loaded(repo: ModelRepo, revision: Revision) -> str:
    """Say, without a full stop, why nobody may load a revision to serve it; "" where they may.

    What is loaded was tried by the engine that serves it, unless the trial was left out on purpose,
    or the revision is older than trials.
    """
    engine = engine_of(repo, revision)
    checks = list(_checks(revision))
    own = [check for check in checks if check.get("result") == SKIPPED or _engine(check) == engine]
    check = next(iter(own or checks), {})
    result = check.get("result")
    if result in (UNCHECKED, FAILED) or (result == READ and engine == EngineName.VLLM):
        return in_words(check)
    if check and not own:
        return f"It was tried by the engine {_engine(check)}, and {engine} is to serve it"
    return ""


def _engine(check: dict[str, Any]) -> str:
    return str(check.get("engine", EngineName.NATIVE))


def in_words(check: dict[str, Any]) -> str:
    """Say how a load check went, without a full stop."""
    said, reason = WORDS.get(str(check.get("result")), ""), str(check.get("reason", ""))
    return f"{said}: {reason}" if reason else said


def try_revision(
    *, actor: User, revision: Revision, now: datetime, engine: str = ""
) -> dict[str, Any]:
    """Load a published revision with its engine, here and now, and record how that went.

    ``engine``: another one, which is to serve it later.
    """
    engine = engine or str(engine_of(revision.repo, revision))
    try:
        check = LoadCheck(engine=engine)(list(contents_of(revision).values()))
        result: dict[str, Any] = check["load_check"]
    except NotPublishable as error:
        result = {"result": FAILED, "reason": " ".join(error.problems), "engine": engine}
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
