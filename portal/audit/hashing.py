"""Hash an event, and give a reader the part of it that they may see.

Who acted, and whom the data names, stand under the hash as a salted commitment (format 2). A reader
who may not know these people gets the commitment alone and can still check the hash. An event
without a salt was written before (format 1): its hash covers everything in the clear.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC
from typing import Any

from portal.audit.models import AuditEvent

FORMAT = 2
NAMING = frozenset({"proposed_by", "reviewer", "user", "voters"})
"""The keys of ``data`` whose values name people other than the one whom the event is about."""


def new_salt() -> str:
    """Return 128 random bits, so that nobody finds the actor by trying all accounts."""
    return secrets.token_hex(16)


def event_hash(event: AuditEvent) -> str:
    """Return the sha256 over the event and its predecessor's hash, as canonical JSON."""
    return _digest(_sealed(event) if event.salt else _in_the_clear(event))


def opened(event: AuditEvent) -> dict[str, Any]:
    """Return everything of an event that its hash covers, with its hash."""
    if not event.salt:
        return _in_the_clear(event) | {"hash": event.hash}
    return _sealed(event) | {"hash": event.hash, "opened": _people(event)}


def told_to(reader_id: int, event: AuditEvent) -> dict[str, Any]:
    """Return the part of an event that the person it is about may know, which names nobody else.

    In format 1 the hash covers names that are left out here, so it can't be recomputed; the line
    says so under ``withheld``.
    """
    names_others = event.actor_id != reader_id or bool(NAMING & set(event.data))
    if not names_others:
        return opened(event)
    if event.salt:
        return _sealed(event) | {"hash": event.hash}
    content = _in_the_clear(event) | {"data": _public(event), "hash": event.hash}
    del content["actor"]
    return content | {"withheld": ["actor", *sorted(NAMING & set(event.data))]}


def _in_the_clear(event: AuditEvent) -> dict[str, Any]:
    return _common(event) | {"actor": event.actor_id, "data": event.data}


def _sealed(event: AuditEvent) -> dict[str, Any]:
    sealed = _digest(_people(event))
    return _common(event) | {"format": FORMAT, "data": _public(event), "sealed": sealed}


def _common(event: AuditEvent) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "type": str(event.type),
        "target": [event.target_type, event.target_id],
        "previous": event.previous_hash,
    }


def _public(event: AuditEvent) -> dict[str, Any]:
    return {key: value for key, value in event.data.items() if key not in NAMING}


def _people(event: AuditEvent) -> dict[str, Any]:
    named = {key: value for key, value in event.data.items() if key in NAMING}
    return {"salt": event.salt, "actor": event.actor_id, "named": named}


def _digest(content: dict[str, Any]) -> str:
    # Sorted keys, no spaces, ASCII alone: a checker in any language gets the same bytes.
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
