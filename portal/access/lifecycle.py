"""The life cycle of a grant: its status, and when and why it ended.

Nothing else in the gate compares a grant's times with a clock or with each other. Each question is
answered for a row at hand and, where lists ask it, as an expression for PostgreSQL; a test holds
that both agree at every moment.

Somebody's act (a revocation, a closing, an offer declined) counts as soon as it is written: the
clock of the process that asks may be behind. It comes before a time that has passed, since it
decides what may follow: what somebody ended can't be renewed. Of the two times, the notice's day
and the end of the term, the earlier one has ended the grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q
from django.db.models.functions import Least

if TYPE_CHECKING:
    from portal.access.models import Grant


class Status(StrEnum):
    """The status of a grant at a moment; the first three are of an offer that nobody ended."""

    OFFERED = "offered"
    LAPSED = "lapsed"
    TAKEN_BACK = "taken_back"
    DECLINED = "declined"
    CHECKED = "checked"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    REVOKED = "revoked"
    CLOSED = "closed"
    ENDED_BY_NOTICE = "ended_by_notice"
    EXPIRED = "expired"


BY_THE_LAB = frozenset({Status.REVOKED, Status.TAKEN_BACK})


@dataclass(frozen=True)
class End:
    """The cause of a grant's end, and its moment."""

    cause: Status
    at: datetime


# --- for a row at hand


def status_of(grant: Grant, now: datetime) -> Status:
    """Return a grant's status. Holds don't change it: see ``Hold``."""
    if end := end_of(grant, now):
        return end.cause
    if grant.starts_at is None or grant.held_at is not None:
        return _status_of_offer(grant, now) if is_offer(grant) else Status.CHECKED
    return Status.ACTIVE if grant.starts_at <= now else Status.SCHEDULED


def _status_of_offer(grant: Grant, now: datetime) -> Status:
    is_later = grant.offered_at is not None and now < grant.offered_at
    return Status.SCHEDULED if is_later else Status.OFFERED


def end_of(grant: Grant, now: datetime) -> End | None:
    """Return why and when a grant ended, or None while it isn't over."""
    if act := end_by_somebody(grant):
        return act
    end = End(Status.LAPSED, lapses_at(grant)) if is_offer(grant) else _end_by_itself(grant)
    return end if end.at <= now else None


def end_by_somebody(grant: Grant) -> End | None:
    """Return the end that the lab, or else the holder, has put to a grant; None if neither has."""
    offer = is_offer(grant)
    if grant.revoked_at is not None:
        return End(Status.TAKEN_BACK if offer else Status.REVOKED, grant.revoked_at)
    if grant.closed_at is not None:
        return End(Status.DECLINED if offer else Status.CLOSED, grant.closed_at)
    return None


def _end_by_itself(grant: Grant) -> End:
    if grant.ends_by_notice_at is not None and grant.ends_by_notice_at < grant.expires_at:
        return End(Status.ENDED_BY_NOTICE, grant.ends_by_notice_at)
    return End(Status.EXPIRED, grant.expires_at)


def is_over(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant has ended in any way. One that hasn't begun is not over."""
    return end_of(grant, now) is not None


def is_active(grant: Grant, now: datetime) -> bool:
    return status_of(grant, now) == Status.ACTIVE


def is_offered(grant: Grant, now: datetime) -> bool:
    return status_of(grant, now) == Status.OFFERED


def is_offer(grant: Grant) -> bool:
    """Tell whether a grant is unsigned. A lapsed or revoked offer is still an offer."""
    return grant.starts_at is None and grant.held_at is None


def is_held(grant: Grant) -> bool:
    """Tell whether a grant is signed, ended by nobody, and held until a check is cleared."""
    return grant.held_at is not None and is_unended(grant)


def is_told(grant: Grant, now: datetime) -> bool:
    """Tell whether the holder knows of a grant: its decision stands, and can't be undone."""
    decision = grant.decision
    return decision is None or (decision.undone_at is None and decision.undo_until <= now)


def told_at(grant: Grant) -> datetime | None:
    """Return from when the holder knows of a grant; None for one that no request led to."""
    return grant.decision.undo_until if grant.decision else None


def is_revoked(grant: Grant) -> bool:
    return grant.revoked_at is not None


def is_closed(grant: Grant) -> bool:
    """Tell whether the holder closed the grant, or declined the offer."""
    return grant.closed_at is not None


def is_unended(grant: Grant) -> bool:
    """Tell whether nobody has ended the grant; its time may be over."""
    return end_by_somebody(grant) is None


def has_begun(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant has ever opened the model, even if it has ended since."""
    return grant.starts_at is not None and grant.starts_at <= now


def is_within_term(grant: Grant, now: datetime) -> bool:
    """Tell whether a grant's term isn't over, even if something ended the grant before."""
    return now < grant.expires_at


def ends_at(grant: Grant) -> datetime:
    """Return when a grant ends by itself: at the end of its term, or earlier by notice."""
    return _end_by_itself(grant).at


def lapses_at(grant: Grant) -> datetime:
    """Return until when an offer can be signed: its own deadline, or the end of what it offers."""
    return min(grant.offer_expires_at or grant.expires_at, ends_at(grant))


def given_at(grant: Grant) -> datetime:
    """Return when a grant begins or began, or else when it was offered or held for a check."""
    return grant.starts_at or grant.offered_at or grant.held_at or grant.expires_at


def term_of(grant: Grant) -> timedelta:
    """Return the length of a grant's term; a newer text signed half-way doesn't shorten it."""
    own = grant.expires_at - (grant.starts_at or grant.expires_at)
    return max(own, term_of(grant.parent)) if grant.parent else own


def lapse_of(expires_at: datetime, *, offered_for: timedelta, now: datetime) -> datetime:
    """Return until when a new offer can be signed: never longer than what it offers lasts."""
    return min(now + offered_for, expires_at)


def is_under_notice(grant: Grant) -> bool:
    """Tell whether the lab gave notice that a grant ends before its term, on any day."""
    return _end_by_itself(grant).cause == Status.ENDED_BY_NOTICE


# --- for PostgreSQL, which the managers of ``querysets`` ask


def lasting(now: Any, prefix: str = "") -> Q:
    """Match grants that aren't over. Whether an offer can still be signed, ``offered`` says.

    ``prefix``: the path to the grant, such as ``grant__``.
    """
    return unended(prefix) & _times_after(now, prefix)


def lasted(moment: Any, prefix: str = "") -> Q:
    """Match grants that weren't over at a moment of the past, even if they have ended since."""
    acts = _later_or_never(moment, f"{prefix}revoked_at", f"{prefix}closed_at")
    return acts & _times_after(moment, prefix)


def active(now: Any) -> Q:
    return lasting(now) & Q(starts_at__lte=now, held_at=None)


def offered(now: Any) -> Q:
    """Match offers that can be signed."""
    return lasting(now) & OFFER & Q(offered_at__lte=now, offer_expires_at__gt=now)


def signed_or_signable(now: Any) -> Q:
    """Match signed grants, and offers whose time for signing isn't over, or is still to begin."""
    return ~OFFER | Q(offer_expires_at__gt=now)


def told(now: Any) -> Q:
    """Match grants that their holders know of, as ``is_told`` does."""
    return Q(decision=None) | Q(decision__undone_at=None, decision__undo_until__lte=now)


def unended(prefix: str = "") -> Q:
    """Match grants that nobody has ended; the time of some is over."""
    return Q(**{f"{prefix}revoked_at": None, f"{prefix}closed_at": None})


def noticed() -> Q:
    """Match grants under notice, as ``is_under_notice`` does."""
    return Q(ends_by_notice_at__lt=F("expires_at"))


def end_by_itself() -> Least:
    """Return the expression of ``ends_at``. PostgreSQL passes over what is NULL."""
    return Least("expires_at", "ends_by_notice_at")


def lapse() -> Least:
    """Return the expression of ``lapses_at``."""
    return Least("offer_expires_at", "expires_at", "ends_by_notice_at")


def _times_after(moment: Any, prefix: str) -> Q:
    notice = _later_or_never(moment, f"{prefix}ends_by_notice_at")
    return notice & Q(**{f"{prefix}expires_at__gt": moment})


def _later_or_never(moment: Any, *columns: str) -> Q:
    both = Q()
    for column in columns:
        both &= Q(**{column: None}) | Q(**{f"{column}__gt": moment})
    return both


OFFER = Q(starts_at=None, held_at=None)
