"""Write to holders, members and the team about what the screening lists have on somebody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from portal.access.deadlines.due import CHECK_LATE, CHECK_STILL_LATE
from portal.access.letters.mailer import grant_keys, send, send_about_grant
from portal.access.letters.requests import about_screening
from portal.access.letters.team_deadlines import to_each
from portal.access.models import Grant, Membership, Screening
from portal.access.policy.contacts import administrators
from portal.accounts.models import User
from portal.formatting import whole_date

GOES_ON = "Your access goes on meanwhile."
STOPPED = (
    "Your access is stopped meanwhile. Nothing is taken away: tokens, links and jobs stop for now, "
    "and work again once it is cleared."
)


def send_extra_check(grant: Grant, screening: Screening, *, now: datetime) -> None:
    """Tell who signed that a check comes first, and the team that it waits for them.

    The holder's letter is neutral, and never has the line of a list.
    """
    send_about_grant(
        grant,
        kind="grant_check",
        key=f"check-{screening.pk}",
        facts={"about": about_screening(screening), "due": due_words(screening, now)},
        now=now,
    )
    tell_team(screening, now=now)


def send_member_check(membership: Membership, screening: Screening, *, now: datetime) -> None:
    """Tell a member who signed that a check comes first, and the team that it waits for them."""
    grant = membership.grant
    if membership.person is None:
        return
    send(
        kind="member_extra_check",
        repo=grant.repo,
        recipient=membership.person,
        key=f"member-{membership.pk}-check-{screening.pk}",
        about=grant.repo.full_name,
        facts={"holder": grant.person.display_name, "about": about_screening(screening)},
        act_label="See your grants",
        page=reverse("access:grants"),
        reference=grant.reference,
        now=now,
    )
    tell_team(screening, now=now)


def send_standing_check(screening: Screening, *, now: datetime) -> None:
    """Tell a holder or a member that a person looks at their access, and what holds meanwhile."""
    is_held = screening.right.is_held
    _send_standing(
        screening,
        kind="standing_check",
        facts={
            "about": about_screening(screening),
            "meanwhile": STOPPED if is_held else GOES_ON,
            "due": due_words(screening, now),
        },
        now=now,
    )


def send_standing_done(screening: Screening, *, now: datetime) -> None:
    """Tell them that it is done, and that the model is open to them."""
    _send_standing(screening, kind="standing_check_done", facts={}, now=now)


def _send_standing(
    screening: Screening, *, kind: str, facts: dict[str, str], now: datetime
) -> None:
    grant = screening.under
    of_member = screening.membership is not None
    send(
        kind=kind,
        repo=grant.repo,
        recipient=screening.person,
        key=f"{grant_keys(grant)}{kind}-{screening.pk}",
        about=grant.repo.full_name,
        facts={"holder": grant.person.display_name, **facts},
        act_label="See your grants" if of_member else "See your grant",
        page=reverse("access:grants") if of_member else reverse("access:grant", args=[grant.pk]),
        reference=grant.reference,
        now=now,
    )


def tell_team(screening: Screening, *, now: datetime) -> None:
    """Tell who administers the model, at once."""
    _tell(screening, administrators(screening.under.repo), key="team", is_late=False, now=now)


def tell_late(screening: Screening, people: Sequence[User], *, level: int, now: datetime) -> None:
    """Tell the administrators that a check is late; a week on, at level 2, the owners."""
    key = CHECK_LATE if level == 1 else CHECK_STILL_LATE
    _tell(screening, people, key=key, is_late=True, now=now)


def due_words(screening: Screening, now: datetime) -> str:
    return whole_date(screening.due_at or now)


def _tell(
    screening: Screening, people: Sequence[User], *, key: str, is_late: bool, now: datetime
) -> None:
    grant, person = screening.under, screening.person
    to_each(
        people,
        grant.repo,
        kind="check_team",
        key=f"check-{screening.pk}-{key}",
        subject="A check is late" if is_late else "A person needs a check",
        paragraphs=[
            f"The screening lists have something like {person.display_name}, "
            f"{_who(screening)} {grant.reference}. A person’s word on it is due on "
            f"{due_words(screening, now)}.",
            _meanwhile(screening),
            "Clear it, or end the access, on the page of the check.",
        ],
        reference=grant.reference,
        page=reverse("access:check", args=[screening.pk]),
        now=now,
    )


def _who(screening: Screening) -> str:
    if screening.membership is None:
        return "the holder of"
    return f"a member of {screening.under.person.display_name}’s grant"


def _meanwhile(screening: Screening) -> str:
    right = screening.right
    if right.is_held:
        return "The model stays closed to them until then."
    return "The model stays open to them until then."
