"""Offers that nobody signs: the holder is reminded, and told once the offer has lapsed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import holder_of, send
from portal.access.models import Grant
from portal.access.querysets import GrantQuerySet
from portal.access.reminders.grants import with_reference
from portal.access.reminders.timer import GONE_LONG, Timer, is_written, locking
from portal.audit.events import EventType
from portal.audit.services import record
from portal.formatting import whole_date

NOTICE = timedelta(days=7)


def _offers() -> GrantQuerySet[Any]:
    """Select unsigned offers. ``ends`` is when they can be signed no longer."""
    return Grant.objects.unsigned()


def offers_to_remind(now: datetime) -> QuerySet[Any]:
    """Select offers a week before they lapse, but not those made for less."""
    soon = _offers().filter(ends__gt=now, ends__lte=now + NOTICE)
    made_for_longer = Q(offered_at__lt=F("ends") - NOTICE)
    return soon.filter(made_for_longer, ~is_written("grant-", OuterRef("pk"), "-offer-reminder"))


def remind_of_offer(offer: Any, now: datetime) -> None:
    page = reverse("access:offer", args=[offer.pk])
    send(
        with_reference(holder_of(offer)).linked(_("Read and sign"), page),
        kind="offer_reminder",
        key="offer-reminder",
        facts=lambda: {"offer_until": whole_date(offer.ends)},
        now=now,
    )
    record(EventType.REMINDED, actor=None, target=offer, at=now, of="offer")


def offers_lapsed(now: datetime) -> QuerySet[Any]:
    over = _offers().filter(ends__lte=now, ends__gt=now - GONE_LONG)
    return over.filter(~is_written("grant-", OuterRef("pk"), "-offer-lapsed"))


def tell_offer_lapsed(offer: Any, now: datetime) -> None:
    page = reverse("access:start", args=[offer.repo.namespace.name, offer.repo.name])
    send(
        with_reference(holder_of(offer)).linked(_("Ask again"), page),
        kind="offer_lapsed",
        key="offer-lapsed",
        facts=lambda: {"offer_until": whole_date(offer.ends)},
        now=now,
    )
    record(EventType.GRANT_OFFER_LAPSED, actor=None, target=offer, at=now)


_LOCK = locking("repo__namespace", "person")
TIMERS = (
    Timer("offer_reminder", offers_to_remind, remind_of_offer, _LOCK),
    Timer("offer_lapsed", offers_lapsed, tell_offer_lapsed, _LOCK),
)
