"""The words in which the API refuses a field's value, instead of DRF's own."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MOST_NAMED_CHOICES = 12
MOMENT = "Send a moment, as 2030-01-31T12:00:00Z."

# By the class of a field and DRF's code; a subclass has the words of its bases too.
WORDS: dict[type[Any], dict[str, Any]] = {
    serializers.Field: {
        "required": "This field is missing. Send it.",
        "null": "This field can’t be null.",
    },
    serializers.CharField: {
        "invalid": "Send a text.",
        "blank": "This field can’t be empty.",
        "max_length": "Send {max_length} characters at most.",
        "min_length": "Send {min_length} characters or more.",
    },
    serializers.IntegerField: {
        "invalid": "Send a whole number.",
        "max_string_length": "Send a whole number.",
        "max_value": "Send {max_value} at most.",
        "min_value": "Send {min_value} or more.",
    },
    serializers.BooleanField: {"invalid": "Send true or false."},
    serializers.ChoiceField: {
        "invalid_choice": "“{input}” isn’t among the choices. The API’s description lists them.",
    },
    serializers.DateField: {
        "invalid": "Send a day, as 2030-01-31.",
        "datetime": "Send a day without a time, as 2030-01-31.",
    },
    serializers.DateTimeField: {"invalid": MOMENT, "date": MOMENT, "overflow": MOMENT},
    serializers.ListField: {
        "not_a_list": "Send a list.",
        "empty": "This list can’t be empty.",
        "max_length": "Send {max_length} of them at most.",
        "min_length": "Send {min_length} of them or more.",
    },
    serializers.DictField: {"not_a_dict": "Send an object.", "empty": "This can’t be empty."},
    serializers.Serializer: {"invalid": "Send an object."},
}


def set_words(field: Any) -> None:
    """Let a field, and what it is a list of, speak in these words; its own words stay.

    DRF words a limit as the field is made: the strict fields have those words from the start.
    """
    own = field._kwargs.get("error_messages") or {}
    words: dict[str, Any] = {}
    for base in reversed(type(field).__mro__):
        words |= WORDS.get(base, {})
    if isinstance(field, serializers.ChoiceField) and len(field.choices) <= MOST_NAMED_CHOICES:
        words["invalid_choice"] = f"Send one of: {', '.join(map(str, field.choices))}."
    field.error_messages |= words | own
    if (child := getattr(field, "child", None)) is not None:
        set_words(child)
