"""Status badges of grants, memberships and letters: a word, a tone and an icon."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.access.lifecycle import Status, is_active, is_under_notice, status_of
from portal.access.models import Grant, Membership
from portal.access.policy.covered import grant_words
from portal.access.status_badge import StatusBadge
from portal.formatting import clock, whole_date
from portal.outbox.models import OutboxMessage

DELIVERY = {
    OutboxMessage.State.QUEUED: StatusBadge("calm", _("On its way"), "clock"),
    OutboxMessage.State.SENT: StatusBadge("yes", _("Delivered to the mail server"), "tick"),
    OutboxMessage.State.FAILED: StatusBadge("stop", _("Could not be sent"), "warning"),
    OutboxMessage.State.CANCELLED: StatusBadge("calm", _("Cancelled, never sent"), "revoked"),
    OutboxMessage.State.BOUNCED: StatusBadge("stop", _("Came back"), "warning"),
}


GRANT = {
    Status.OFFERED: StatusBadge("wait", _("Offered: sign its terms"), "sign"),
    Status.LAPSED: StatusBadge("calm", _("Lapsed offer"), "clock"),
    Status.TAKEN_BACK: StatusBadge("stop", _("Withdrawn by the lab"), "revoked"),
    Status.DECLINED: StatusBadge("calm", _("Declined"), "declined"),
    Status.CHECKED: StatusBadge("wait", _("Extra check"), "clock"),
    Status.SCHEDULED: StatusBadge("calm", _("Begins later"), "todo"),
    Status.ACTIVE: StatusBadge("yes", _("Active"), "done"),
    Status.REVOKED: StatusBadge("stop", _("Ended by the lab"), "revoked"),
    Status.CLOSED: StatusBadge("calm", _("Closed by its holder"), "revoked"),
    Status.ENDED_BY_NOTICE: StatusBadge("stop", _("Ended by notice"), "revoked"),
    Status.EXPIRED: StatusBadge("calm", _("Ended"), "clock"),
}


def grant_state(grant: Grant, now: datetime) -> StatusBadge:
    status = status_of(grant, now)
    if status == Status.ACTIVE and is_under_notice(grant):
        return StatusBadge("wait", gettext("Active, ends by notice"), "clock")
    return GRANT[status]


def conditions_in_words(grant: Grant) -> list[str]:
    """Write each condition as a sentence, and which models a grant through a collection opens."""
    return grant_words(grant)


def member_state(membership: Membership) -> StatusBadge:
    if membership.ended_at is not None:
        return StatusBadge("calm", gettext("Ended"), "revoked")
    if membership.is_held:
        return StatusBadge("calm", gettext("Extra check"), "clock")
    if membership.joined_at is not None:
        return StatusBadge("yes", gettext("Member"), "done")
    return StatusBadge("wait", gettext("Invited, not signed yet"), "mail")


def state_for(grant: Grant, membership: Membership | None, now: datetime) -> StatusBadge:
    """StatusBadge a grant for its reader: a check of a member stops it for that member alone."""
    if membership is not None and membership.is_held and is_active(grant, now):
        return member_state(membership)
    return grant_state(grant, now)


def delivery_state(message: OutboxMessage, now: datetime) -> StatusBadge:
    """Mark whether a letter was delivered, or when it will be sent if it can still be undone."""
    is_queued = message.state == OutboxMessage.State.QUEUED
    if is_queued and message.attempts == 0 and message.due_at > now:
        return StatusBadge(
            "calm",
            gettext("Leaves at %(clock_time)s") % {"clock_time": _clock_time(message.due_at, now)},
            "clock",
        )
    return DELIVERY[OutboxMessage.State(message.state)]


def _clock_time(value: datetime, now: datetime) -> str:
    """Write the time of day, with the date where that isn't today."""
    is_today = timezone.localtime(value).date() == timezone.localtime(now).date()
    return clock(value) if is_today else f"{clock(value)} on {whole_date(value)}"
