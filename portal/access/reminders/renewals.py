"""Renewals that wait too long for the team's decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from portal.access.letters.mailer import (
    A_HOLDER,
    holder_of,
    name_for_subject,
    send,
    send_to_each,
)
from portal.access.models import Renewal
from portal.access.policy.contacts import administrators, owners
from portal.access.reminders.timer import TO_OWNERS, Timer, is_written, letters, locking
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.formatting import whole_date


def renewals_overdue(now: datetime) -> QuerySet[Renewal]:
    late = Renewal.objects.filter(decided_at=None, due_at__lte=now)
    return late.filter(~is_written("renewal-", OuterRef("pk"), "-overdue"))


def escalate_renewal(renewal: Renewal, now: datetime) -> None:
    """Put a late renewal before the administrators, and tell its holder."""
    send(
        replace(holder_of(renewal.grant), keys=""),
        kind="renewal_overdue",
        key=f"renewal-{renewal.pk}-overdue",
        facts=lambda: {"due": whole_date(renewal.due_at)},
        now=now,
    )
    people = administrators(renewal.grant.repo)
    _tell(renewal, people, kind="renewal_overdue_team", key="overdue-team", now=now)
    record(EventType.RENEWAL_OVERDUE, actor=None, target=renewal, at=now, level=1)


def renewals_still_overdue(now: datetime) -> QuerySet[Renewal]:
    """Select renewals that are late still, a week after the administrators were told."""
    week_ago = now - TO_OWNERS
    late = Renewal.objects.filter(decided_at=None, due_at__lte=week_ago)
    first = letters("renewal-", OuterRef("pk"), "-overdue", created_at__lte=week_ago)
    return late.filter(Exists(first), ~is_written("renewal-", OuterRef("pk"), "-still-overdue"))


def escalate_renewal_to_owners(renewal: Renewal, now: datetime) -> None:
    people = owners(renewal.grant.repo)
    _tell(renewal, people, kind="renewal_overdue_owners", key="still-overdue", now=now)
    record(EventType.RENEWAL_OVERDUE, actor=None, target=renewal, at=now, level=2)


def _tell(renewal: Renewal, people: Iterable[User], *, kind: str, key: str, now: datetime) -> None:
    grant = renewal.grant
    send_to_each(
        people,
        grant.repo,
        kind=kind,
        key=f"renewal-{renewal.pk}-{key}",
        facts=lambda: {
            "who": name_for_subject(grant.repo, grant.person, otherwise=A_HOLDER),
            "due": whole_date(renewal.due_at),
            "until": whole_date(grant.expires_at),
        },
        reference=grant.reference,
        link=("Open the grant", reverse("access:grant", args=[grant.pk])),
        now=now,
    )


_LOCK = locking("grant__repo__namespace", "grant__person")
TIMERS = (
    Timer("renewal_overdue", renewals_overdue, escalate_renewal, _LOCK),
    Timer("renewal_still_overdue", renewals_still_overdue, escalate_renewal_to_owners, _LOCK),
)
