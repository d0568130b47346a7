"""Look up how often people want to be told of an event, chosen or by default."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from portal.access.models import Frequency, NotificationChoice, TeamEvent
from portal.accounts.models import User

DEFAULTS: Mapping[TeamEvent, Frequency] = {
    event: Frequency.DAILY if event == TeamEvent.DECIDED else Frequency.AT_ONCE
    for event in TeamEvent
}


def frequencies_for(event: TeamEvent) -> list[Frequency]:
    """Return what may be chosen for an event.

    Decisions are never told at once: one act may take fifty, and each can be undone for a while.
    """
    return [
        frequency
        for frequency in Frequency
        if event != TeamEvent.DECIDED or frequency != Frequency.AT_ONCE
    ]


def frequency_of_each(people: Collection[User], event: TeamEvent) -> dict[int, Frequency]:
    """Return how often each of these people wants to be told of an event, by their keys."""
    chosen = NotificationChoice.objects.filter(user__in=people, event=event)
    return {person.pk: DEFAULTS[event] for person in people} | {
        choice.user_id: Frequency(choice.frequency) for choice in chosen
    }


def choices_of(person: User) -> dict[TeamEvent, Frequency]:
    """Return how often a person wants to be told of each event."""
    chosen = NotificationChoice.objects.filter(user=person)
    return {
        **DEFAULTS,
        **{TeamEvent(choice.event): Frequency(choice.frequency) for choice in chosen},
    }
