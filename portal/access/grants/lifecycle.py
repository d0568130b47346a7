"""How a grant, a membership or a letter stands, in a mark: word, tone and icon."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from portal.access.grants.locks import is_over
from portal.access.grants.offers import DECLINED
from portal.access.models import Grant, Membership
from portal.access.policy.conditions import Conditions
from portal.access.policy.refusals import whole_date
from portal.access.status_badge import Mark
from portal.catalog.models import Mode
from portal.outbox.models import OutboxMessage

HOSTED_ONLY = "Hosted use only: the model runs here, and its files aren’t handed out."
DELIVERY = {
    OutboxMessage.State.QUEUED: Mark("calm", "On its way", "clock"),
    OutboxMessage.State.SENT: Mark("yes", "Delivered to the mail server", "tick"),
    OutboxMessage.State.FAILED: Mark("stop", "Could not be sent", "warning"),
    OutboxMessage.State.CANCELLED: Mark("calm", "Taken back, never sent", "revoked"),
    OutboxMessage.State.BOUNCED: Mark("stop", "Came back", "warning"),
}


def grant_state(grant: Grant, now: datetime) -> Mark:
    if grant.is_offer:
        return _offer_state(grant, now)
    if grant.revoked_at is not None:
        return Mark("stop", "Ended by the lab", "revoked")
    if grant.closed_at is not None:
        return Mark("calm", "Closed by its holder", "revoked")
    noticed = grant.ends_by_notice_at
    if noticed is not None and noticed <= now:
        return Mark("stop", "Ended by notice", "revoked")
    if grant.expires_at <= now:
        return Mark("calm", "Ended", "clock")
    if grant.is_held or grant.starts_at is None:
        return Mark("wait", "Extra check", "clock")
    if grant.starts_at > now:
        return Mark("calm", "Begins later", "todo")
    if noticed is not None:
        return Mark("wait", "Active, ends by notice", "clock")
    return Mark("yes", "Active", "done")


def _offer_state(grant: Grant, now: datetime) -> Mark:
    if grant.revoked_at is not None:
        return Mark("stop", "Taken back by the lab", "revoked")
    if grant.closeout == DECLINED:
        return Mark("calm", "Declined", "declined")
    if is_offered(grant, now):
        return Mark("wait", "Offered: sign its terms", "sign")
    return Mark("calm", "Lapsed offer", "clock")


def is_offered(grant: Grant, now: datetime) -> bool:
    open_until = grant.offer_expires_at or now
    return grant.is_offer and open_until > now and not is_over(grant, now)


def is_active(grant: Grant, now: datetime) -> bool:
    """As ``active_at`` has it, for a row at hand."""
    begun = grant.starts_at is not None and grant.starts_at <= now
    return begun and not grant.is_held and not is_over(grant, now)


def conditions_in_words(grant: Grant) -> list[str]:
    """Each as a sentence, the modes that aren’t given among them."""
    words = Conditions.of(grant.conditions).words()
    return words if Mode.DOWNLOAD in grant.modes else [HOSTED_ONLY, *words]


def member_state(membership: Membership) -> Mark:
    if membership.ended_at is not None:
        return Mark("calm", "Ended", "revoked")
    if membership.is_held:
        return Mark("calm", "Extra check", "clock")
    if membership.joined_at is not None:
        return Mark("yes", "Member", "done")
    return Mark("wait", "Invited, not signed yet", "mail")


def state_for(grant: Grant, membership: Membership | None, now: datetime) -> Mark:
    """Say how a grant stands for its reader: a check of a member stops it for that member alone."""
    if membership is not None and membership.is_held and is_active(grant, now):
        return member_state(membership)
    return grant_state(grant, now)


def delivery_state(message: OutboxMessage, now: datetime) -> Mark:
    """Mark what became of a letter, or when it leaves while what it tells can be undone."""
    is_queued = message.state == OutboxMessage.State.QUEUED
    if is_queued and message.attempts == 0 and message.due_at > now:
        return Mark("calm", f"Leaves at {_clock_time(message.due_at, now)}", "clock")
    return DELIVERY[OutboxMessage.State(message.state)]


def _clock_time(value: datetime, now: datetime) -> str:
    """Write the time of day, with the date where that isn't today."""
    local = timezone.localtime(value)
    is_today = local.date() == timezone.localtime(now).date()
    return f"{local:%H:%M}" if is_today else f"{local:%H:%M} on {whole_date(value)}"
