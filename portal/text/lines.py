"""Hold names, titles and offices to one line of text, which people type and others read.

They stand in letters, lists and the record beside our own words, so that none of them may break the
line, hide, turn the reading direction or lead somewhere. The same rule holds on each surface:
``LineField`` keeps it where a model is saved, the forms and the API tell of it beside the field.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext

from portal.errors import FieldErrors

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField  # not generic when it runs

LINK = re.compile(r"://|\bwww\.", re.IGNORECASE)
# Joiners and marks of direction are part of how Persian, Hindi, Hebrew and others are written.
WRITTEN_FORMATS = frozenset("\u061c\u200c\u200d\u200e\u200f")
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def as_line(value: str) -> str:
    """Return the text composed (NFC) and without the spaces around it."""
    return unicodedata.normalize("NFC", value).strip()


def line_fault(value: str) -> str:
    """Return how to mend a text that isn't one plain line, or "" for one that is."""
    if LINK.search(value):
        return gettext("Write it without a link.")
    if any(_is_hidden(character) for character in value):
        return gettext("Write it in one line, without characters that can’t be seen.")
    return ""


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN and character not in WRITTEN_FORMATS


def validate_line(value: str) -> None:
    """Raise ValidationError for a text that is no line: the validator of forms and models."""
    if fault := line_fault(value):
        raise ValidationError(fault, code="line")


def line_errors(values: dict[str, str]) -> dict[str, str]:
    """Return the fault of each field that is no line, for a service to raise with its others."""
    return {name: fault for name, value in values.items() if (fault := line_fault(value))}


def plain_line(value: str) -> str:
    """Return a register’s text as one line, without its hidden characters."""
    spaced = (" " if character.isspace() else character for character in value)
    shown = "".join(character for character in spaced if not _is_hidden(character))
    return " ".join(as_line(shown).split())


class LineField(_CharField):
    """A model field for one plain line; it raises FieldErrors for anything else."""

    default_validators = [validate_line]

    def to_python(self, value: Any) -> Any:
        return as_line(value) if isinstance(value, str) else super().to_python(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Normalize the value, on the instance too, and refuse what is no line."""
        value = self.to_python(super().pre_save(model_instance, add))
        if isinstance(value, str):
            if fault := line_fault(value):
                raise FieldErrors({self.name: fault})
            setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> Any:
        """Stay a CharField in migrations: the rule is code, and no column changes with it."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


class LineInput(forms.CharField):
    """A form field for one plain line."""

    default_validators = [validate_line]

    def to_python(self, value: Any) -> Any:
        return as_line(super().to_python(value) or "")
