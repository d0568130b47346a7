"""Rate limits: how many letters people may cause to others, and strangers to anybody.

The rows of the outbox are counted, so no counter needs to be kept. A letter is queued in the
transaction of the act that causes it, so a refusal undoes both. Two acts at the very same moment
may both take the last place.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.errors import DomainError
from portal.outbox.models import OutboxMessage

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST_AN_HOUR = 60  # by one person
MOST_A_DAY_TO_ONE = 12  # to one address, by all who aren't the lab
MOST_UNASKED_AN_HOUR = 6  # to one address, by whoever types it into a form


class TooManyLetters(DomainError):
    """A refusal of an act that would cause too many letters; it says when to try again."""

    code = "too_many_letters"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, until: datetime, now: datetime) -> None:
        seconds = max(1, int((until - now).total_seconds()))
        super().__init__(
            _("%(message)s Nothing was done; try again in %(in_words)s.")
            % {"message": message, "in_words": _in_words(seconds)}
        )
        self.retry_after_seconds = seconds


def require_within_budget(message: OutboxMessage, now: datetime) -> None:
    """Raise TooManyLetters if this letter, just queued for its sender, is one too many."""
    # The letter itself is stored already, and would otherwise take its own place.
    sent = OutboxMessage.objects.exclude(sender=None).exclude(pk=message.pk)
    by_sender = sent.filter(sender=message.sender, created_at__gt=now - HOUR)
    if over := _last_to_wait_for(by_sender, MOST_AN_HOUR):
        words = _("You have caused %(most_an_hour)s letters to others within an hour.") % {
            "most_an_hour": MOST_AN_HOUR
        }
        raise TooManyLetters(words, until=over + HOUR, now=now)
    to_one = _to(message.address, sent).filter(created_at__gt=now - DAY)
    if over := _last_to_wait_for(to_one, MOST_A_DAY_TO_ONE):
        words = _("%(address)s has had %(most_a_day_to_one)s letters from here within a day.") % {
            "address": message.address,
            "most_a_day_to_one": MOST_A_DAY_TO_ONE,
        }
        raise TooManyLetters(words, until=over + DAY, now=now)


def is_spent_for(address: str, now: datetime) -> bool:
    """Tell whether strangers have sent an address as many letters with links as they may.

    The links that it has still work, so nobody misses another one.
    """
    unasked = _to(address, OutboxMessage.objects.filter(is_secret=True))
    return unasked.filter(created_at__gt=now - HOUR).count() >= MOST_UNASKED_AN_HOUR


def _to(address: str, letters: models.QuerySet[OutboxMessage]) -> models.QuerySet[OutboxMessage]:
    return letters.alias(to=Lower("address")).filter(to=address.lower())


def _last_to_wait_for(letters: models.QuerySet[OutboxMessage], most: int) -> datetime | None:
    """Return the time of the letter whose going makes room; None while there is room."""
    newest = letters.order_by("-created_at").values_list("created_at", flat=True)[most - 1 : most]
    return newest[0] if newest else None


def _in_words(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if minutes < 90:
        return ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}
    hours = -(-minutes // 60)
    return ngettext("%(number)d hour", "%(number)d hours", hours) % {"number": hours}
