"""Letters about a member whom the screening lists hold back: to the member, and to the team."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from portal.access.due import MEMBER_CHECK_LATE
from portal.access.letters.common import send
from portal.access.letters.delays import to_each
from portal.access.letters.requests import about_screening
from portal.access.models import Membership, Screening
from portal.access.refusals import whole_date
from portal.accounts.models import User


def send_extra_check(membership: Membership, screening: Screening, *, now: datetime) -> None:
    """To the member: neutral, and never the line of a list."""
    grant = membership.grant
    if membership.person is None:
        return
    send(
        kind="member_extra_check",
        repo=grant.repo,
        recipient=membership.person,
        key=f"member-{membership.pk}-extra-check",
        about=grant.repo.full_name,
        facts={"holder": grant.person.display_name, "about": about_screening(screening)},
        act_label="See your grants",
        page=reverse("access:grants"),
        reference=grant.reference,
        now=now,
    )


def tell_team(
    membership: Membership, people: Sequence[User], *, now: datetime, is_late: bool = False
) -> None:
    """To who administers the model, at once and, where nobody has looked, a week later."""
    grant = membership.grant
    member = membership.person.display_name if membership.person else membership.email
    since = membership.held_at or now
    to_each(
        people,
        grant.repo,
        kind="member_check_team",
        key=f"member-{membership.pk}-{MEMBER_CHECK_LATE if is_late else 'check-team'}",
        subject="A member waits for a check" if is_late else "A member needs a check",
        paragraphs=[
            f"{member} signed to work under {grant.reference}, the grant of "
            f"{grant.person.display_name}, on {whole_date(since)}. The screening lists have "
            "something like them, so a person looks before the model opens.",
            "Clear it, or end the membership, on the page of the members.",
        ],
        reference=grant.reference,
        page=reverse("access:members", args=[grant.pk]),
        now=now,
    )
