"""Drafts that nobody sends in: the applicant is reminded, and then the draft is removed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast, Extract, Floor
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import applicant_of, send
from portal.access.models import AccessRequest
from portal.access.reminders.timer import Timer, is_written, letters, locking
from portal.audit.events import EventType
from portal.audit.services import record
from portal.formatting import whole_date
from portal.outbox.models import OutboxMessage

KEPT = timedelta(days=90)
NOTICE = timedelta(days=14)
Mail = OutboxMessage.State
_REMINDER = ("request-", OuterRef("pk"), "-draft-", OuterRef("stamp"), "-unsent")


def _saved_before(moment: datetime) -> QuerySet[Any]:
    """Select the drafts last saved before a moment.

    ``stamp`` is the second of that save, so that each time of neglect has its own reminder.
    """
    second = Cast(Floor(Extract("saved_at", "epoch")), BigIntegerField())
    drafts = AccessRequest.objects.filter(state=AccessRequest.State.DRAFT, saved_at__lte=moment)
    return drafts.annotate(stamp=Cast(second, CharField()))


def drafts_to_remind(now: datetime) -> QuerySet[Any]:
    return _saved_before(now - KEPT + NOTICE).filter(~is_written(*_REMINDER))


def remind_of_draft(draft: Any, now: datetime) -> None:
    send(
        applicant_of(draft).linked(_("Go on with the draft")),
        kind="draft_reminder",
        key=f"draft-{draft.stamp}-unsent",
        facts=lambda: {"saved_on": whole_date(draft.saved_at), "days": str(NOTICE.days)},
        now=now,
    )
    record(EventType.REMINDED, actor=None, target=draft, at=now, of="draft")


def drafts_to_remove(now: datetime) -> QuerySet[Any]:
    """Select drafts untouched for 90 days whose reminder left, or failed to, 14 days ago."""
    noticed = now - NOTICE
    reminder = letters(*_REMINDER).filter(
        Q(state=Mail.SENT, sent_at__lte=noticed)
        | Q(state__in=(Mail.FAILED, Mail.BOUNCED, Mail.CANCELLED), created_at__lte=noticed)
    )
    return _saved_before(now - KEPT).filter(Exists(reminder), submissions=None)


def remove_draft(draft: AccessRequest, now: datetime) -> None:
    """Delete a draft with its answers, which nobody but the applicant has read."""
    record(EventType.DRAFT_REMOVED, actor=None, target=draft, at=now)  # while it has a key
    draft.delete()


_LOCK = locking("repo__namespace", "applicant")
TIMERS = (
    Timer("draft_reminder", drafts_to_remind, remind_of_draft, _LOCK),
    Timer("draft_removed", drafts_to_remove, remove_draft, _LOCK),
)
