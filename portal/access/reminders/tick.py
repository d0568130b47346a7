"""The tick: once a minute, each timer for the rows whose time has come."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from portal.access.reminders import (
    checks,
    drafts,
    evidence,
    grants,
    holds,
    members,
    offers,
    overdue,
    questions,
    renewals,
    screening,
)
from portal.access.reminders.mail import digest, references
from portal.access.reminders.timer import Timer

log = logging.getLogger(__name__)

BATCH = 25
TICK_LOCK = 0x77_67_74_69  # one tick at a time, in every process of the installation

_MODULES = (
    overdue,
    questions,
    drafts,
    offers,
    grants,
    renewals,
    screening,
    checks,
    members,
    holds,
    evidence,
    digest,
    references,
)
TIMERS: dict[str, Timer] = {timer.name: timer for module in _MODULES for timer in module.TIMERS}


def tick(now: datetime, timers: Mapping[str, Timer] = TIMERS) -> dict[str, int]:
    """Run each of these timers over a batch, and return how many rows each did something for.

    What is left is for the next minute. Each batch is a transaction of its own, so that the lock of
    the audit chain is held only briefly. While another process runs a timer, this one passes it by.
    """
    done = {name: _run(timer, now) for name, timer in timers.items()}
    return {name: count for name, count in done.items() if count}


def _run(timer: Timer, now: datetime) -> int:
    with transaction.atomic():
        if not _is_alone():
            return 0
        # The keys are read at once: each act changes what the query would find next.
        due = timer.due(now).order_by("pk").values_list("pk", flat=True)
        return sum(_run_one(timer, pk, now) for pk in list(due[: BATCH * timer.batches]))


def _run_one(timer: Timer, pk: int, now: datetime) -> bool:
    """Run a timer for one row. A row that fails is logged, and holds up no other."""
    try:
        with transaction.atomic():
            return timer.run(pk, now)
    except Exception:
        log.exception("The timer %s failed on %s", timer.name, pk)
        return False


def _is_alone() -> bool:
    # Released with the batch's transaction, or with the connection if the process dies.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [TICK_LOCK])
        return bool(cursor.fetchone()[0])
