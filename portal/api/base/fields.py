"""The fields that several subjects of the API share."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from portal.access.requests.form.questions import LONGEST_LINE, LONGEST_TEXT
from portal.api.base.words import WORDS
from portal.catalog.models import Mode
from portal.forms.fields import end_of_day
from portal.text.lines import as_line, validate_line

BIGGEST_ID = 2**63 - 1


class StrictCharField(serializers.CharField):
    """A text, and no number: DRF would keep 5 as “5”."""

    default_error_messages = WORDS[serializers.CharField]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictIntegerField(serializers.IntegerField):
    """A whole number of JSON: DRF would take 1.0 and “1” too."""

    default_error_messages = WORDS[serializers.IntegerField]

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """True or false of JSON: DRF would take “yes” and 1 too."""

    default_error_messages = WORDS[serializers.BooleanField]

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class IdField(StrictIntegerField):
    """A primary key, within what the database can hold."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=BIGGEST_ID, **options)


class IdFilter(serializers.IntegerField):
    """A primary key in a query, where every number is a text."""

    default_error_messages = WORDS[serializers.IntegerField]

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=BIGGEST_ID, **options)


class FreeTextField(StrictCharField):
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
