"""Form fields that all apps share, and a service's errors shown beside the fields."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.forms.boundfield import BoundField
from django.utils import timezone

from portal.errors import FieldErrors
from portal.text.languages import Words

MEGABYTE = 1_000_000
LONGEST_ADDRESS = 254
FAULTS = (
    *("invalid", "min_value", "max_value", "step_size"),
    *("max_digits", "max_decimal_places", "max_whole_digits"),
)


class LongText(forms.CharField):
    """A field for text of several lines, as it was typed; each line ends in LF.

    Browsers send CRLF from a textarea. A model would read the other character, a comparison with
    what a program sent would differ, and a length would count each line's end twice.
    """

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return with_unix_lines(super().to_python(value) or "")


class AddressField(forms.EmailField):
    """An e-mail address, no longer than mail servers and our tables take (RFC 5321)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": LONGEST_ADDRESS, **kwargs})


def limit_address(field: forms.Field) -> None:
    """Give the field of a form that isn't ours the bound that ``AddressField`` has."""
    field.validators.append(MaxLengthValidator(LONGEST_ADDRESS))
    field.widget.attrs["maxlength"] = str(LONGEST_ADDRESS)


class OptionalNumber(forms.TextInput):
    """A box for a number that may be left empty.

    A browser sends what is no number, such as a half-typed 1e, as nothing where the box is one for
    numbers. Nothing has a meaning of its own here, so it would be taken without a word.
    """

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"inputmode": "numeric", "autocomplete": "off", **(attrs or {})})


class MegabytesField(forms.DecimalField):
    """A size that people write in megabytes, of a million bytes each; its value is in bytes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_digits=16, decimal_places=6, **kwargs)

    def clean(self, value: Any) -> int | None:
        number = super().clean(value)
        return None if number is None else int(number * MEGABYTE)

    def prepare_value(self, value: Any) -> Any:
        """Write bytes as megabytes; what was typed stays as it is."""
        return f"{Decimal(value) / MEGABYTE:f}" if isinstance(value, int) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        if isinstance(initial, int):
            initial = Decimal(initial) / MEGABYTE
        return super().has_changed(initial, data)


def told_as(words: Words) -> dict[str, Words]:
    """Return a number's or day's error messages: one sentence, naming the field, for all faults."""
    return dict.fromkeys(FAULTS, words)


def end_of_day(day: date) -> datetime:
    """Return the last second of a day, which ends in the time zone of the installation."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=timezone.get_current_timezone())


def with_unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def show_errors(form: forms.BaseForm, errors: FieldErrors) -> None:
    """Put a service's errors beside their fields, unless the form found one there itself."""
    known = set(form.errors)
    for argument, text in errors.errors.items():
        name = field_of(form, argument)
        if name is None or name not in known:
            form.add_error(name, text)


def is_filled(fields: Iterable[BoundField]) -> bool:
    """Tell whether a folded group of fields must stand open: one has an answer, or is wrong.

    An answer is what differs from what the form is drawn with.
    """
    return any(
        field.errors or (field.form.is_bound and field.name in field.form.changed_data)
        for field in fields
    )


def field_of(form: forms.BaseForm, argument: str) -> str | None:
    """Return the form's field for a service's argument, or None where the form has none.

    A field is named by the last part of the argument's path, or as the form's ``named`` says.
    """
    named, last = getattr(form, "named", {}), argument.rpartition(".")[2]
    name = named.get(argument) or named.get(last, last)
    return name if name in form.fields else None
