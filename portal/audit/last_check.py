"""The last reading of the whole hash chain by the clock, as Redis has it: it may be lost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from portal.audit.checking import ChainReport
from portal.redis_client import redis_client

KEY = "weightgate:chain-check"


@dataclass(frozen=True)
class ChainCheck:
    """The moment of a reading of the whole chain, and whether it was broken."""

    at: datetime
    is_broken: bool


def note_chain_check(report: ChainReport, now: datetime) -> None:
    """Note what a reading found. Raises RedisError."""
    noted = {"at": now.timestamp(), "is_broken": report.fault is not None}
    redis_client().set(KEY, json.dumps(noted))


def last_chain_check() -> ChainCheck | None:
    """Return the last reading that is known of. Raises RedisError."""
    value = redis_client().get(KEY)
    if not isinstance(value, bytes):
        return None
    noted = json.loads(value)
    return ChainCheck(datetime.fromtimestamp(noted["at"], UTC), noted["is_broken"])
