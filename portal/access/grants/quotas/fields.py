"""The fields that name quotas of hosted use, filled with what holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from portal.access.models import GateSettings
from portal.access.policy.quotas import (
    IN_BYTES,
    LARGEST,
    NUMBERS,
    Quotas,
    bounds_of,
    defaults_of,
    shown,
)
from portal.forms.fields import MegabytesField, OptionalNumber, is_filled, told_as

HINTS = {
    "tokens_per_day": "Of one person, for each model",
    "concurrent_jobs": "Of one person, for each model: those that run or wait",
    "context_tokens": "A prompt and its completion together; empty for all that the model takes",
    "egress_bytes_per_day": "What leaves the inside of each model, of one person",
    "egress_bytes_total": "The same over all days; empty for no limit",
}
# How an answer on compute begins, or what it says, where there is none.
WITHOUT = re.compile(
    r"^\W*(none|nothing|no|nil|0|n/a)\b|"
    r"\b(no|without|lack|not have|don[’']t have|haven[’']t|have not)\b[^.]{0,40}"
    r"\b(compute|hardware|gpus?|cluster|servers?|machines?|of our own|resources)\b",
    re.IGNORECASE,
)


QUOTAS = (*NUMBERS, "has_floor")
# A service's arguments, by the fields that they are shown beside.
NAMED = {f"quotas.{name}": name for name in NUMBERS}


class WithQuotas(forms.Form):
    """A form with the fields of quotas, where its models have hosted use."""

    def quota_fields(self) -> list[BoundField]:
        return [self[name] for name in QUOTAS if name in self.fields]

    def has_quotas(self) -> bool:
        return is_filled(self.quota_fields())


def quota_field(name: str) -> forms.IntegerField | MegabytesField:
    label = NUMBERS[name]
    if name in IN_BYTES:
        return MegabytesField(
            label=f"{label}, in MB",
            required=False,
            error_messages=told_as(f"{label}: give a number of MB, or nothing for the default."),
            widget=OptionalNumber({"class": "short", "inputmode": "decimal"}),
        )
    return forms.IntegerField(
        label=label,
        required=False,
        error_messages=told_as(f"{label}: give a whole number, or nothing for the default."),
        widget=OptionalNumber({"class": "short"}),
    )


def floor_field() -> forms.BooleanField:
    return forms.BooleanField(
        label="Has no hardware of its own: its jobs get a guaranteed share",
        required=False,
        help_text="Of the machine that hosts the model, whoever else waits.",
    )


def offer_quotas(form: forms.Form, gate: GateSettings, *, are_hosted: bool) -> None:
    """Fill the fields with the defaults, and say the most; drop them without hosted use."""
    default, most = defaults_of(gate), bounds_of(gate)
    for name in NUMBERS:
        if not are_hosted:
            del form.fields[name]
            continue
        bound = most.number(name) or LARGEST[name]
        form.fields[name].help_text = f"{HINTS[name]}. At most {shown(name, bound)}."
        form.initial.setdefault(name, default.number(name))
    if not are_hosted:
        del form.fields["has_floor"]


def quotas_in(answers: Mapping[str, Any], gate: GateSettings) -> Quotas:
    """Return the quotas that answers name: a number that is the default is left to the gate."""
    default = defaults_of(gate)
    named = {name: answers.get(name) for name in NUMBERS}
    numbers = {
        name: None if number == default.number(name) else number for name, number in named.items()
    }
    return Quotas(**numbers, has_floor=bool(answers.get("has_floor")))


def suggests_floor(answers: Mapping[str, Any]) -> bool:
    """Tell whether the answer on compute says that the applicant has none. It is a guess."""
    return WITHOUT.search(str(answers.get("compute", ""))) is not None
