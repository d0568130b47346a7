"""Provide the form fields that all parts share."""

from __future__ import annotations

from typing import Any

from django import forms


class LongText(forms.CharField):
    """A field for text of several lines, as it was typed; each line ends in LF.

    Browsers send CRLF from a textarea. A model would read the other character, a comparison with
    what a program sent would differ, and a length would count each line's end twice.
    """

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return with_unix_lines(super().to_python(value) or "")


def told_as(words: str) -> dict[str, str]:
    """Say one sentence, which names the field, of whatever is wrong with a number or a day."""
    return dict.fromkeys(("invalid", "min_value", "max_value", "step_size"), words)


def with_unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
