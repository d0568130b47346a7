"""Tell people of a gate about an event: at once by a letter, or in their next digest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.access.letters.mailer import team_of, words_for
from portal.access.letters.team.choices import frequency_of_each
from portal.access.models import DigestItem, Frequency, TeamEvent
from portal.accounts.mailboxes import letter_addresses
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.outbox.services import Letter, Recipient, queue_letters
from portal.text.bidi import isolated
from portal.text.languages import in_english

WHY = "You get this as one of the people who work the gate of {repo}. Choose which letters you get."


@dataclass(frozen=True)
class TeamNews:
    """An event at a gate, with the letter that tells it.

    ``key`` names the event, so that nobody is told of it twice. ``subject`` is the row that it is
    about, by its column in ``DigestItem``.
    """

    event: TeamEvent
    kind: str
    key: str
    repo: ModelRepo
    reference: str
    link: tuple[str, str]
    subject: Mapping[str, Any]
    facts: Mapping[str, str] = field(default_factory=dict)


def tell(
    news: TeamNews,
    people: Collection[User],
    *,
    now: datetime,
    digest_at: datetime | None = None,
    is_flood: bool = False,
) -> set[int]:
    """Tell these people as often as each chose. Return the keys of those who want to know.

    ``digest_at``: when a digest may tell it at the earliest. ``is_flood``: nobody is told at once.
    """
    chosen = frequency_of_each(people, news.event)
    wanted = [person for person in people if chosen[person.pk] != Frequency.NEVER]
    at_once = [
        person for person in wanted if chosen[person.pk] == Frequency.AT_ONCE and not is_flood
    ]
    queue_team_letter(news, at_once, now=now)
    reached = {person.pk for person in at_once}
    later = [person for person in wanted if person.pk not in reached]
    put_into_digest(news, later, at=digest_at or now)
    return {person.pk for person in wanted}


def put_into_digest(news: TeamNews, people: Collection[User], *, at: datetime) -> None:
    """Keep an event for the next digest of each of these people, once."""
    DigestItem.objects.bulk_create(
        [
            DigestItem(
                reader=person,
                event=news.event,
                key=news.key,
                repo=news.repo,
                happened_at=at,
                **news.subject,
            )
            for person in people
        ],
        ignore_conflicts=True,
    )


@in_english
def queue_team_letter(news: TeamNews, people: Collection[User], *, now: datetime) -> None:
    """Queue the letter of an event to each of these people."""
    if not people:
        return
    words = words_for(news.kind, news.repo, news.reference, news.facts)
    label, page = news.link
    letter = Letter(
        team=team_of(news.repo),
        greeting="",
        subject=words.subject,
        paragraphs=words.paragraphs,
        act_label=label,
        act_url=f"{settings.BASE_URL}{page}",
        reference=news.reference,
        why=WHY.format(repo=news.repo.full_name),
        settings_url=settings_page(),
    )
    readers = recipients(people)
    queue_letters(letter, to=readers, key=news.key, kind=news.kind, now=now)


def recipients(people: Collection[User]) -> list[Recipient]:
    """Return these people with the address of each, by one query."""
    addresses = letter_addresses(people)
    return [
        Recipient(person.pk, isolated(person.display_name), addresses[person.pk])
        for person in people
    ]


def settings_page() -> str:
    """Return the address of the page on which people choose their letters."""
    return f"{settings.BASE_URL}{reverse('access:notifications')}"
