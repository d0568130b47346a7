"""The serializers of what somebody is told of, and how often."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.access.letters.team.choices import frequencies_for
from portal.access.models import TeamEvent
from portal.api.base.serializers import Input, Output


def _fields(**options: Any) -> dict[str, Any]:
    return {
        str(event): serializers.ChoiceField(
            choices=[(str(chosen), chosen.label) for chosen in frequencies_for(event)],
            help_text=f"{event.label}.",
            **options,
        )
        for event in TeamEvent
    }


class NotificationsInput(Input):
    """Any of the events, each with how often; those left out stay as they are."""

    def get_fields(self) -> dict[str, Any]:
        return _fields(required=False)


class NotificationsOutput(Output):
    def get_fields(self) -> dict[str, Any]:
        return _fields()
