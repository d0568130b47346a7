"""The form on which somebody chooses what they are told of, and when."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.access.letters.team.choices import frequencies_for
from portal.access.models import TeamEvent
from portal.access.requests.form.builder import PageForm

HINTS = {
    TeamEvent.HELD: "Only those who administer a model can clear it.",
    TeamEvent.VOTE_NEEDED: "A colleague has voted, and it takes more votes.",
    TeamEvent.DECIDED: "Never at once: a decision can be undone for some minutes.",
}


class NotificationsForm(PageForm):
    """A choice of frequency for each event."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for event in TeamEvent:
            choices = [(str(chosen), chosen.label) for chosen in frequencies_for(event)]
            words = " or ".join(f"“{label}”" for _, label in choices)
            self.fields[str(event)] = forms.ChoiceField(
                label=event.label,
                choices=choices,
                help_text=HINTS.get(event, ""),
                error_messages={
                    "required": f"Choose {words}.",
                    "invalid_choice": f"Choose {words}.",
                },
            )
