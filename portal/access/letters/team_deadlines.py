"""Letters of the clock about renewals and holds: to whoever must act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from portal.access.letters.mailer import send, team_of
from portal.access.models import Hold, Renewal
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.formatting import whole_date
from portal.outbox.services import queue_letter


def to_each(
    people: Sequence[User],
    repo: ModelRepo | None,
    *,
    kind: str,
    key: str,
    subject: str,
    paragraphs: list[str],
    reference: str,
    page: str,
    now: datetime,
) -> None:
    """The first bears the bare key, by which the clock knows that it was written."""
    for number, person in enumerate(people):
        queue_letter(
            key=f"{key}-to-{person.pk}" if number else key,
            kind=kind,
            recipient=person,
            subject=f"{subject} ({repo.full_name})" if repo else subject,
            paragraphs=paragraphs,
            act_label="See to it",
            act_url=f"{settings.BASE_URL}{page}",
            reference=reference,
            team=team_of(repo),
            now=now,
        )


def tell_renewal_late(
    renewal: Renewal, people: Sequence[User], *, page: str, now: datetime
) -> None:
    """To the holder and to the administrators."""
    grant = renewal.grant
    send(
        kind="renewal_overdue",
        repo=grant.repo,
        recipient=grant.person,
        key=f"renewal-{renewal.pk}-overdue",
        about=grant.repo.full_name,
        facts={"holder": grant.person.display_name, "due": whole_date(renewal.due_at)},
        act_label="See to it",
        page=page,
        reference=grant.reference,
        now=now,
    )
    tell_renewal_people(renewal, people, level=1, page=page, now=now)


def tell_renewal_people(
    renewal: Renewal, people: Sequence[User], *, level: int, page: str, now: datetime
) -> None:
    grant = renewal.grant
    word = "overdue-team" if level == 1 else "still-overdue"
    to_each(
        people,
        grant.repo,
        kind="renewal_overdue_team" if level == 1 else "renewal_overdue_owners",
        key=f"renewal-{renewal.pk}-{word}",
        subject="A renewal is overdue",
        paragraphs=[
            f"The answer on the renewal of {grant.reference} was due on "
            f"{whole_date(renewal.due_at)}. Its holder has been told that it is late.",
            f"The access itself ends on {whole_date(grant.expires_at)} unless it is renewed.",
        ],
        reference=grant.reference,
        page=page,
        now=now,
    )


def ask_about_hold(
    hold: Hold, people: Sequence[User], *, month: str, page: str, now: datetime
) -> None:
    to_each(
        people,
        hold.repo,
        kind="hold_reminder",
        key=f"hold-{hold.pk}-stands-{month}",
        subject="A hold still stands",
        paragraphs=[
            f"A hold was placed on {whole_date(hold.placed_at)}, and still stands. Its reason:",
            hold.reason,
            "Somebody’s access is held back by it. Lift it, or end that access for good, as soon "
            "as you know enough.",
        ],
        reference=f"H{hold.pk:04d}",
        page=page,
        now=now,
    )
