"""Fields that take numbers as pages write them: 1,000,000, or with spaces between thousands."""

from __future__ import annotations

import re
from typing import Any

from django import forms

# \s has the no-break spaces too; one sign throughout, so that 1,000 000 stays a mistake.
GROUPED = re.compile(r"\d{1,3}(?:(,|\s)\d{3})(?:\1\d{3})*(?:\.\d+)?")


def without_grouping(value: Any) -> Any:
    """Return a number in words without the signs between its thousands, else what it is."""
    text = value.strip() if isinstance(value, str) else ""
    return re.sub(r"[,\s]", "", text) if GROUPED.fullmatch(text) else value


class WholeNumberField(forms.IntegerField):
    def to_python(self, value: Any) -> int | None:
        return super().to_python(without_grouping(value))


class NumberField(forms.FloatField):
    def to_python(self, value: Any) -> Any:
        return super().to_python(without_grouping(value))
