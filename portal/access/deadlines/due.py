"""What is due at a moment: for each timer of the clock the rows whose time has come.

A letter's key says whether it was written, so a step that runs again finds nothing. Where a window
closes, it is so that an installation which was away for long doesn't write about what is past.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import (
    BigIntegerField,
    CharField,
    Exists,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast, Concat, Extract, Floor, Lower

from portal.access.deadlines import timers
from portal.access.models import (
    AccessRequest,
    Escalation,
    Grant,
    Hold,
    Membership,
    Question,
    Renewal,
    Screening,
    ScreeningEntry,
)
from portal.access.querysets import UNDECIDED, GrantQuerySet
from portal.accounts.models import Affiliation
from portal.outbox.models import BouncedAddress, OutboxMessage

State = AccessRequest.State
Mail = OutboxMessage.State
Reason = Escalation.Reason

GONE_LONG = timedelta(days=30)
FRESH = timedelta(minutes=5)
TURNS = 10


def letters(*parts: Any, **narrower: Any) -> QuerySet[OutboxMessage]:
    """The letter whose key is these parts joined: words, and columns of the row outside."""
    columns = [Value(each) if isinstance(each, str) else Cast(each, CharField()) for each in parts]
    return OutboxMessage.objects.filter(key=Concat(*columns, Value("")), **narrower)


def written(*parts: Any) -> Exists:
    return Exists(letters(*parts))


# --- drafts


def _stale_drafts(before: datetime) -> QuerySet[Any]:
    """``stamp``: the second of the last save, so that each neglect has its own reminder."""
    second = Cast(Floor(Extract("saved_at", "epoch")), BigIntegerField())
    drafts = AccessRequest.objects.filter(state=State.DRAFT, saved_at__lte=before)
    return drafts.annotate(stamp=Cast(second, CharField()))


def draft_key(stamp: str) -> str:
    return f"draft-{stamp}-unsent"


_DRAFT_LETTER = ("request-", OuterRef("pk"), "-draft-", OuterRef("stamp"), "-unsent")


def drafts_to_remind(now: datetime) -> QuerySet[Any]:
    stale = _stale_drafts(now - timers.DRAFT_KEPT + timers.DRAFT_NOTICE)
    return stale.filter(~written(*_DRAFT_LETTER))


def drafts_to_remove(now: datetime) -> QuerySet[Any]:
    """90 days untouched, and 14 after the reminder went out, or was found not to."""
    notice = now - timers.DRAFT_NOTICE
    told = letters(*_DRAFT_LETTER).filter(
        Q(state=Mail.SENT, sent_at__lte=notice)
        | Q(state__in=(Mail.FAILED, Mail.BOUNCED, Mail.CANCELLED), created_at__lte=notice)
    )
    return _stale_drafts(now - timers.DRAFT_KEPT).filter(Exists(told), submissions=None)


# --- undecided requests


def _escalated(reason: Reason, level: int, **narrower: Any) -> Exists:
    rows = Escalation.objects.filter(request=OuterRef("pk"), reason=reason, level=level)
    return Exists(rows.filter(**narrower))


def overdue(now: datetime) -> QuerySet[AccessRequest]:
    """Past due, and not escalated for this due date: one that moved is counted anew."""
    return _late(now).filter(~_escalated(Reason.OVERDUE, 1, escalated_at__gte=OuterRef("due_at")))


def still_overdue(now: datetime) -> QuerySet[AccessRequest]:
    week_ago = now - timers.TO_OWNERS
    first = {"escalated_at__gte": OuterRef("due_at"), "escalated_at__lte": week_ago}
    return _late(now).filter(
        _escalated(Reason.OVERDUE, 1, **first),
        ~_escalated(Reason.OVERDUE, 2, escalated_at__gte=OuterRef("due_at")),
    )


def _late(now: datetime) -> QuerySet[AccessRequest]:
    return AccessRequest.objects.filter(state__in=(State.HELD, State.IN_REVIEW), due_at__lte=now)


def perhaps_stranded(now: datetime) -> QuerySet[Any]:
    """Newly submitted ones at once, the others by turns: each within ten minutes.

    Whether one is stranded rests on where people stand, which no row of it tells. One that was
    found to be is looked at again after a week.
    """
    turn = Q(rest=int(now.timestamp() // 60) % TURNS)
    fresh = Q(submitted_at__gt=now - FRESH)
    found = _escalated(Reason.STRANDED, 2, escalated_at__gt=now - timers.TO_OWNERS)
    undecided = AccessRequest.objects.filter(state__in=UNDECIDED).annotate(rest=F("pk") % TURNS)
    return undecided.filter(fresh | turn).filter(~found)


# --- questions


def question_key(days: int) -> str:
    return f"reminder-{days}"


def _reminder(days: int, **narrower: Any) -> QuerySet[OutboxMessage]:
    key = ("request-", OuterRef("request_id"), "-question-", OuterRef("pk"))
    return letters(*key, f"-{question_key(days)}", **narrower)


WEEK, DAY = timers.QUESTION_REMINDERS


def open_questions() -> QuerySet[Question]:
    return Question.objects.open().filter(request__state=State.NEEDS_INFO)


def questions_to_remind(now: datetime) -> QuerySet[Question]:
    """A week before the deadline where there was one, and a day before; the later where both."""
    last = Q(deadline_at__lte=now + DAY) & ~Exists(_reminder(DAY.days))
    first: Any = Q(deadline_at__lte=now + WEEK, deadline_at__gt=now + DAY)
    first &= Q(asked_at__lt=F("deadline_at") - WEEK) & ~Exists(_reminder(WEEK.days))
    return open_questions().filter(last | first)


def reminder_days(question: Question, now: datetime) -> int:
    return DAY.days if question.deadline_at <= now + DAY else WEEK.days


def _to_live_address(found: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
    bounced = BouncedAddress.objects.filter(
        address=Lower(OuterRef("address")), cleared_at__isnull=True
    )
    return found.filter(~Exists(bounced))


def questions_to_lapse(now: datetime) -> QuerySet[Question]:
    """Past the deadline, and a day after the last reminder was delivered."""
    long_ago = now - timers.AFTER_THE_REMINDER
    delivered = _to_live_address(_reminder(DAY.days, state=Mail.SENT, sent_at__lte=long_ago))
    return open_questions().filter(Exists(delivered), deadline_at__lte=now)


def questions_unreachable(now: datetime) -> QuerySet[Question]:
    """Past the deadline, and the last reminder neither arrived nor is on its way."""
    underway = _to_live_address(_reminder(DAY.days, state__in=(Mail.SENT, Mail.QUEUED)))
    told = Escalation.objects.filter(
        request=OuterRef("request_id"),
        reason=Reason.BOUNCED,
        escalated_at__gte=OuterRef("asked_at"),
    )
    past = open_questions().filter(Exists(_reminder(DAY.days)), deadline_at__lte=now)
    return past.filter(~Exists(underway), ~Exists(told))


# --- offers and grants


def _offers() -> GrantQuerySet[Any]:
    """``ends``: when it can be signed no longer."""
    return Grant.objects.unsigned()


def offers_to_remind(now: datetime) -> QuerySet[Any]:
    soon = _offers().filter(ends__gt=now, ends__lte=now + timers.OFFER_REMINDER)
    whole = Q(offered_at__lt=F("ends") - timers.OFFER_REMINDER)
    return soon.filter(whole, ~written("grant-", OuterRef("pk"), "-offer-reminder"))


def offers_lapsed(now: datetime) -> QuerySet[Any]:
    over = _offers().filter(ends__lte=now, ends__gt=now - GONE_LONG)
    return over.filter(~written("grant-", OuterRef("pk"), "-offer-lapsed"))


def _begun() -> GrantQuerySet[Any]:
    """Not ended by anybody, nor succeeded by a grant that renews it. ``ends``: its last moment."""
    renewed = Grant.objects.unrevoked().filter(parent=OuterRef("pk"))
    return Grant.objects.begun().filter(~Exists(renewed))


def grant_reminder_key(days: int) -> str:
    return f"ends-in-{days}"


def grants_to_remind(now: datetime) -> QuerySet[Any]:
    """60, 30 and 7 days before the end; not those whose renewal is asked for, or under notice.

    Each reminder has the time up to the next one, so that one that was missed isn't made up.
    """
    steps = (*timers.GRANT_REMINDERS, timedelta(0))
    due: Any = Q(pk__in=[])
    for before, following in pairwise(steps):
        within = Q(ends__lte=now + before, ends__gt=now + following)
        begun_earlier = Q(starts_at__lt=F("ends") - before)
        key = grant_reminder_key(before.days)
        due |= within & begun_earlier & ~written("grant-", OuterRef("pk"), f"-{key}")
    asked = Renewal.objects.filter(grant=OuterRef("pk"), decided_at=None)
    return _begun().without_notice().filter(due, ~Exists(asked))


def grant_reminder_days(ends: datetime, now: datetime) -> int:
    return min(each for each in timers.GRANT_REMINDERS if ends <= now + each).days


def grants_ended(now: datetime) -> QuerySet[Any]:
    over = _begun().filter(ends__lte=now, ends__gt=now - timers.CLOSEOUT_REMINDER)
    return over.filter(~written("grant-", OuterRef("pk"), "-ended"))


def grants_without_closeout(now: datetime) -> QuerySet[Any]:
    long_over = now - timers.CLOSEOUT_REMINDER
    over = _begun().filter(ends__lte=long_over, ends__gt=long_over - GONE_LONG)
    asked = written("grant-", OuterRef("pk"), "-ended")
    return over.filter(asked, ~written("grant-", OuterRef("pk"), "-closeout-reminder"))


def renewals_overdue(now: datetime) -> QuerySet[Renewal]:
    late = Renewal.objects.filter(decided_at=None, due_at__lte=now)
    return late.filter(~written("renewal-", OuterRef("pk"), "-overdue"))


def renewals_still_overdue(now: datetime) -> QuerySet[Renewal]:
    late = Renewal.objects.filter(decided_at=None, due_at__lte=now - timers.TO_OWNERS)
    told = letters("renewal-", OuterRef("pk"), "-overdue", created_at__lte=now - timers.TO_OWNERS)
    return late.filter(Exists(told), ~written("renewal-", OuterRef("pk"), "-still-overdue"))


# --- members and checks

CHECK_LATE, CHECK_STILL_LATE = "late", "still-late"


def members_unproved(now: datetime) -> QuerySet[Any]:
    """Who signed as one of an organization, and isn't proved to be of it any more."""
    proofs = Affiliation.objects.standing_at(now).filter(
        person=OuterRef("person"), organization=OuterRef("organization")
    )
    standing = Membership.objects.standing().filter(
        person__isnull=False, organization__isnull=False, grant__in=Grant.objects.active_at(now)
    )
    return standing.filter(~Exists(proofs))


def _newest_line() -> int:
    """Return the newest screening line in force; a line taken off asks for no screening."""
    standing = ScreeningEntry.objects.filter(removed_at=None)
    newest: int | None = standing.aggregate(newest=Max("pk"))["newest"]
    return newest or 0


def grants_to_screen(now: datetime) -> QuerySet[Grant]:
    """Select signed grants not yet screened against the newest lines of the lists."""
    return Grant.objects.lasting_at(now).filter(screened_through__lt=_newest_line())


def members_to_screen(now: datetime) -> QuerySet[Membership]:
    """Select members who signed, under a lasting grant, not yet screened by the newest lines."""
    signed = Membership.objects.standing().filter(acceptance__isnull=False, person__isnull=False)
    lasting = signed.filter(grant__in=Grant.objects.lasting_at(now))
    return lasting.filter(screened_through__lt=_newest_line())


def checks_late(now: datetime) -> QuerySet[Any]:
    """Select checks past their due date, of which nobody has been reminded."""
    late = Screening.objects.open_at(now).filter(due_at__lte=now)
    return late.filter(~written("check-", OuterRef("pk"), f"-{CHECK_LATE}"))


def checks_still_late(now: datetime) -> QuerySet[Any]:
    """Select checks a week past their due date, of which the owners haven't been told."""
    week_ago = now - timers.TO_OWNERS
    late = Screening.objects.open_at(now).filter(due_at__lte=week_ago)
    reminded = letters("check-", OuterRef("pk"), f"-{CHECK_LATE}", created_at__lte=week_ago)
    told = written("check-", OuterRef("pk"), f"-{CHECK_STILL_LATE}")
    return late.filter(Exists(reminded), ~told)


def holds_to_remind(now: datetime) -> QuerySet[Any]:
    """``month``: how often thirty days have gone by."""
    seconds = Extract(Value(now) - F("placed_at"), "epoch")
    months = Cast(Floor(seconds / timers.HOLD_REMINDER.total_seconds()), BigIntegerField())
    old: Any = Hold.objects.filter(lifted_at=None, placed_at__lte=now - timers.HOLD_REMINDER)
    old = old.annotate(month=Cast(months, CharField()))
    found: QuerySet[Any] = old.filter(
        ~written("hold-", OuterRef("pk"), "-stands-", OuterRef("month"))
    )
    return found
