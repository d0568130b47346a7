"""Check Redis or Valkey. All that it holds may be lost, but not at any moment."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from redis import Redis, RedisError

from portal.database.refusals import reason_of
from portal.doctor.findings import Findings, fault, ok, warning

TIMEOUT_SECONDS = 4
OLDEST = (6, 2)
KEEPING = ("noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl")


def server() -> Findings:
    """Check that it answers and takes writes, its version, eviction and persistence."""
    try:
        with Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        ) as redis:
            facts: dict[str, Any] = redis.info()
            key = f"weightgate:doctor:{secrets.token_hex(8)}"
            redis.set(key, "1", ex=TIMEOUT_SECONDS)
            redis.delete(key)
    except (RedisError, ValueError, OSError) as error:
        return [
            fault(
                f"It doesn’t take writes, or can’t be reached: {reason_of(error)}",
                "Start Redis or Valkey, give it memory and disk, and correct REDIS_URL.",
            )
        ]
    return judged(facts)


def judged(facts: dict[str, Any]) -> Findings:
    """Return the findings on what INFO says."""
    name = "Valkey" if "valkey_version" in facts else "Redis"
    version = str(facts.get("valkey_version") or facts.get("redis_version", "0"))
    policy = str(facts.get("maxmemory_policy", "noeviction"))
    findings = []
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        findings.append(fault(f"{name} {version} is too old.", "Move to version 6.2 or newer."))
    if policy not in KEEPING:
        findings.append(
            warning(
                f"Its eviction policy is {policy}: when memory is short, it drops hints that there "
                "is work, and counts of rate limits.",
                "Set maxmemory-policy to noeviction, and give it a memory of its own.",
            )
        )
    if facts.get("rdb_last_bgsave_status", "ok") != "ok":
        findings.append(
            warning(
                "Its last snapshot failed; after that it may refuse writes.",
                "Give its folder room, or turn snapshots off (save ''): nothing needs them.",
            )
        )
    return findings or [ok(f"{name} {version}, {policy}; {_persistence(facts)}.")]


def _persistence(facts: dict[str, Any]) -> str:
    return "keeps a log on disk" if facts.get("aof_enabled") else "keeps no log, and needs none"
