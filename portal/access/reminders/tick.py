"""The tick: once a minute, each timer of the clock's table whose moment has come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.db import connection, transaction
from django.db.models import QuerySet

from portal.access.deadlines import due
from portal.access.grants.checks import clearing, members, standing
from portal.access.reminders import escalation, grants, requests

log = logging.getLogger(__name__)

BATCH = 25
TICK_LOCK = 0x77_67_74_69  # one tick at a time, in every process of the installation

LOOKS = {"stranded": 8, "grant_screened": 8, "member_screened": 8}

Due: TypeAlias = Callable[[datetime], QuerySet[Any]]


@dataclass(frozen=True)
class Step:
    """``act`` locks its row and asks again whether it is due, so it may run twice."""

    due: Due
    act: Callable[..., bool]
    names: str


STEPS: dict[str, Step] = {
    "overdue": Step(due.overdue, escalation.escalate_overdue, "request_id"),
    "still_overdue": Step(due.still_overdue, escalation.escalate_to_owners, "request_id"),
    "stranded": Step(due.perhaps_stranded, escalation.escalate_stranded, "request_id"),
    "question_reminder": Step(due.questions_to_remind, requests.remind_of_question, "question_id"),
    "lapse": Step(due.questions_to_lapse, requests.lapse_request, "question_id"),
    "unreachable": Step(due.questions_unreachable, escalation.escalate_unreachable, "question_id"),
    "draft_reminder": Step(due.drafts_to_remind, requests.remind_of_draft, "request_id"),
    "draft_removed": Step(due.drafts_to_remove, requests.remove_draft, "request_id"),
    "offer_reminder": Step(due.offers_to_remind, grants.remind_of_offer, "grant_id"),
    "offer_lapsed": Step(due.offers_lapsed, grants.tell_offer_lapsed, "grant_id"),
    "grant_reminder": Step(due.grants_to_remind, grants.remind_of_grant, "grant_id"),
    "grant_ended": Step(due.grants_ended, grants.tell_grant_ended, "grant_id"),
    "closeout_reminder": Step(due.grants_without_closeout, grants.remind_of_closeout, "grant_id"),
    "renewal_overdue": Step(due.renewals_overdue, grants.escalate_renewal, "renewal_id"),
    "renewal_still_overdue": Step(
        due.renewals_still_overdue, grants.escalate_renewal_to_owners, "renewal_id"
    ),
    "grant_screened": Step(due.grants_to_screen, standing.screen_standing_grant, "grant_id"),
    "member_screened": Step(
        due.members_to_screen, standing.screen_standing_member, "membership_id"
    ),
    "check_late": Step(due.checks_late, clearing.remind_of_check, "screening_id"),
    "check_still_late": Step(due.checks_still_late, clearing.escalate_check, "screening_id"),
    "member_unproved": Step(due.members_unproved, members.end_unproved_member, "membership_id"),
    "hold_reminder": Step(due.holds_to_remind, grants.remind_of_hold, "hold_id"),
}


def tick(now: datetime) -> dict[str, int]:
    """Run each step over a batch; how much each did. What is left is the next minute's.

    Each step is a transaction of its own, so that the record's chain is held only briefly; while
    another process is at a step, this one passes it by.
    """
    done = {name: _run(name, step, now) for name, step in STEPS.items()}
    return {name: count for name, count in done.items() if count}


def _run(name: str, step: Step, now: datetime) -> int:
    with transaction.atomic():
        if not _is_alone():
            return 0
        keys = step.due(now).order_by("pk").values_list("pk", flat=True)[: _size(name)]
        return sum(_one(name, step, key, now) for key in list(keys))


def _size(name: str) -> int:
    """Return how many rows to take; more where most of them only need to be looked at."""
    return BATCH * LOOKS.get(name, 1)


def _one(name: str, step: Step, key: int, now: datetime) -> bool:
    """A row that can't be done holds up no other."""
    try:
        with transaction.atomic():
            return step.act(**{step.names: key}, now=now)
    except Exception:
        log.exception("The clock's step %s failed on %s", name, key)
        return False


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [TICK_LOCK])
        return bool(cursor.fetchone()[0])
