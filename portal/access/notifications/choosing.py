"""Choose how often one is told of each event at the gates that one works."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from portal.access.letters.team.choices import choices_of, frequencies_for
from portal.access.models import DigestItem, Frequency, NotificationChoice, TeamEvent
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors


@transaction.atomic
def choose_notifications(
    *, person: User, choices: Mapping[str, str], now: datetime
) -> dict[TeamEvent, Frequency]:
    """Store how often a person is told of these events, and return all that they chose.

    What they want to hear of no more leaves their next digest. Raise FieldErrors for an event or a
    frequency that there isn't; then nothing is stored.
    """
    _require_known(choices)
    # One after another, so that two pages of one person don't both add the same row.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    before = choices_of(person)
    changed = {
        event: frequency
        for event, frequency in choices.items()
        if before[TeamEvent(event)] != frequency
    }
    for event, frequency in changed.items():
        NotificationChoice.objects.update_or_create(
            user=person, event=event, defaults={"frequency": frequency}
        )
    if changed:
        silenced = [event for event, chosen in changed.items() if chosen == Frequency.NEVER]
        DigestItem.objects.filter(reader=person, event__in=silenced).delete()
        record(EventType.NOTIFICATIONS_CHOSEN, actor=person, target=person, at=now, changed=changed)
    return choices_of(person)


def _require_known(choices: Mapping[str, str]) -> None:
    errors = {}
    for event, frequency in choices.items():
        if event not in TeamEvent.values:
            errors[event] = f"There is no such event. Name one of {', '.join(TeamEvent.values)}."
        elif frequency not in (allowed := frequencies_for(TeamEvent(event))):
            errors[event] = f"Choose {' or '.join(allowed)}."
    if errors:
        raise FieldErrors(errors)


def works_a_gate(person: User) -> bool:
    """Tell whether a person reviews or administers any model, so that letters come at all."""
    if ModelRepo.objects.reviewable_by(person).exists():
        return True
    return ModelRepo.objects.administered_by(person).exists()
