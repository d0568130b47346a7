"""Tell the people of a gate about access that exists: renewals, and checks of who has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.urls import reverse

from portal.access.letters.mailer import A_HOLDER, name_for_subject
from portal.access.letters.team.readers import readers_of_check, readers_of_renewal
from portal.access.letters.team.telling import TeamNews, tell
from portal.access.models import Renewal, Screening, TeamEvent
from portal.formatting import whole_date
from portal.text.bidi import isolated
from portal.text.languages import in_english


@in_english
def tell_renewal(renewal: Renewal, *, now: datetime) -> None:
    """Tell the team that a renewal was filed and waits for its decision."""
    grant = renewal.grant
    news = TeamNews(
        event=TeamEvent.RENEWAL,
        kind="team_renewal",
        key=f"renewal-{renewal.pk}-team-filed",
        repo=grant.repo,
        reference=grant.reference,
        link=("Open the grant", reverse("access:grant", args=[grant.pk])),
        subject={"renewal": renewal},
        facts={
            "who": name_for_subject(grant.repo, grant.person, otherwise=A_HOLDER),
            "holder": isolated(grant.person.display_name),
            "due": whole_date(renewal.due_at),
            "until": whole_date(grant.expires_at),
        },
    )
    tell(news, readers_of_renewal(renewal, now), now=now)


def tell_check(screening: Screening, *, facts: Mapping[str, str], now: datetime) -> None:
    """Tell who administers the model that a holder or a member waits for a check."""
    grant = screening.under
    news = TeamNews(
        event=TeamEvent.HELD,
        kind="check_team",
        key=f"check-{screening.pk}-team",
        repo=grant.repo,
        reference=grant.reference,
        link=("Open the check", reverse("access:check", args=[screening.pk])),
        subject={"screening": screening},
        facts=facts,
    )
    tell(news, readers_of_check(screening, now), now=now)
