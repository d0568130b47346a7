"""The fields that several subjects of the API share."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.access.requests.form.questions import LONGEST_LINE, LONGEST_TEXT
from portal.catalog.models import Mode
from portal.forms.fields import end_of_day
from portal.text.lines import as_line, validate_line

BIGGEST_ID = 2**63 - 1


class IdField(serializers.IntegerField):
    """A primary key, within what the database can hold."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=BIGGEST_ID, **options)


class FreeTextField(serializers.CharField):
    """A text in somebody’s own words.

    An empty one reaches the service, which says what to write.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": LONGEST_TEXT, "allow_blank": True, **options})


class SingleLineField(FreeTextField):
    """A text of one line, by the rule of all names."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": LONGEST_LINE, **options})
        self.validators.append(validate_line)

    def to_internal_value(self, data: Any) -> str:
        return as_line(super().to_internal_value(data))


class LastDayField(serializers.DateField):
    """A day, taken as the moment of its end."""

    def to_internal_value(self, value: Any) -> Any:
        return end_of_day(super().to_internal_value(value))


class ModesField(serializers.ListField):
    """The modes of use that a grant covers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            child=serializers.ChoiceField(choices=Mode.choices), max_length=len(Mode), **options
        )
