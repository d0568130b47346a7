"""Write to holders, members and the team about what the screening lists have on somebody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.access.letters.mailer import (
    Address,
    grant_keys,
    holder_of,
    name_for_subject,
    send,
    send_to_each,
)
from portal.access.letters.members import member_of
from portal.access.letters.requests import about_screening
from portal.access.letters.team.rights import tell_check
from portal.access.lifecycle import told_at
from portal.access.models import Grant, Membership, Screening
from portal.accounts.models import User
from portal.formatting import whole_date
from portal.text.languages import in_english

NEEDED, LATE = "A person needs a check", "A check is late"
GOES_ON = _("Your access goes on meanwhile.")
SUSPENDED = _(
    "Your access is suspended meanwhile. Tokens, links and jobs stop for now, and work again once "
    "the check is cleared."
)


def send_extra_check(grant: Grant, screening: Screening, *, now: datetime) -> None:
    """Tell who signed that a check comes first, and the team that it waits for them.

    The holder's letter is neutral, and never has the line of a list.
    """
    send(
        holder_of(grant),
        kind="grant_check",
        key=f"check-{screening.pk}",
        facts=lambda: {"about": about_screening(screening), "due": _due(screening, now)},
        now=now,
    )
    tell_team(screening, now=now)


def send_member_check(membership: Membership, screening: Screening, *, now: datetime) -> None:
    """Tell a member who signed that a check comes first, and the team that it waits for them."""
    if membership.person is None:
        return
    send(
        member_of(membership, membership.person, _("See your access"), reverse("site:access")),
        kind="member_extra_check",
        key=f"check-{screening.pk}",
        facts=lambda: {"about": about_screening(screening)},
        now=now,
    )
    tell_team(screening, now=now)


def send_standing_check(screening: Screening, *, now: datetime) -> None:
    """Tell a holder or a member that a person looks at their access, and what holds meanwhile."""
    send(
        _checked(screening),
        kind="standing_check",
        key=f"standing_check-{screening.pk}",
        facts=lambda: {
            "about": about_screening(screening),
            "meanwhile": str(SUSPENDED if screening.right.is_held else GOES_ON),
            "due": _due(screening, now),
        },
        now=now,
    )


def send_standing_done(screening: Screening, *, now: datetime) -> None:
    """Tell them that the check is done, and that they have access."""
    key = f"standing_check_done-{screening.pk}"
    send(_checked(screening), kind="standing_check_done", key=key, now=now)


def _checked(screening: Screening) -> Address:
    """Address the person who is checked: the holder of the grant or a member of it."""
    grant = screening.under
    if screening.membership is None:
        return holder_of(grant)
    return Address(
        recipient=screening.person,
        repo=grant.repo,
        reference=grant.reference,
        keys=grant_keys(grant),
        about=grant.about,
        label=_("See your access"),
        page=reverse("site:access"),
        names=holder_of(grant).names,
        not_before=told_at(grant),
    )


def tell_team(screening: Screening, *, now: datetime) -> None:
    """Tell who administers the model, as often as each of them chose."""
    facts = _facts_for_team(screening, NEEDED, now)
    tell_check(screening, facts=facts, now=now)


def tell_people(
    screening: Screening, people: Sequence[User], *, key: str, news: str, now: datetime
) -> None:
    """Write to people of the lab about a check that waits for them; ``news`` is the subject."""
    grant = screening.under
    send_to_each(
        people,
        grant.repo,
        kind="check_team",
        key=f"check-{screening.pk}-{key}",
        facts=lambda: _facts_for_team(screening, news, now),
        reference=grant.reference,
        link=("Open the check", reverse("access:check", args=[screening.pk])),
        now=now,
    )


@in_english
def _facts_for_team(screening: Screening, news: str, now: datetime) -> dict[str, str]:
    repo, person = screening.under.repo, screening.person
    return {
        "news": news,
        "name": name_for_subject(repo, person, otherwise="somebody with access"),
        "person": person.display_name,
        "who": _who(screening),
        "due": _due(screening, now),
        "meanwhile": _meanwhile(screening),
    }


def _due(screening: Screening, now: datetime) -> str:
    return whole_date(screening.due_at or now)


def _who(screening: Screening) -> str:
    if screening.membership is None:
        return "the holder of"
    return f"a member of {screening.under.person.display_name}’s grant"


def _meanwhile(screening: Screening) -> str:
    if screening.right.is_held:
        return "The model stays closed to them until then."
    return "The model stays open to them until then."
