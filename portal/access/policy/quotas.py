"""Quotas of hosted use: the numbers of one grant, the defaults of its gate, and their bounds.

They are no terms that somebody signs, so they stand beside a grant's conditions: decision 104.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.errors import FieldErrors
from portal.formatting import enumerated, size, thousands

if TYPE_CHECKING:
    from portal.access.models import GateSettings

NUMBERS = {
    "tokens_per_day": "Tokens a day",
    "concurrent_jobs": "Jobs at a time",
    "context_tokens": "Tokens of one request",
    "egress_bytes_per_day": "Captures a day",
    "egress_bytes_total": "Captures in all",
}
# Numbers of bytes, which people write as megabytes.
IN_BYTES = ("egress_bytes_per_day", "egress_bytes_total")
# The most that a gate may name; 0 there leaves it to the installation.
LARGEST = {
    "tokens_per_day": 1_000_000_000,
    "concurrent_jobs": 1000,
    "context_tokens": 1_000_000,
    "egress_bytes_per_day": 10**13,
    "egress_bytes_total": 10**15,
}
FLOOR = gettext_lazy("These jobs have a guaranteed share of the machine.")


@dataclass(frozen=True)
class Quotas:
    """The quotas of one grant: of each of its people, for each model that it opens.

    A number is None where the grant says nothing. ``context_tokens``: of a prompt and its
    completion together. ``egress_bytes_per_day`` and ``egress_bytes_total``: of what is captured
    inside the model and leaves.
    ``has_floor``: the organization has no hardware of its own, so its jobs have a guaranteed share.
    """

    tokens_per_day: int | None = None
    concurrent_jobs: int | None = None
    context_tokens: int | None = None
    egress_bytes_per_day: int | None = None
    egress_bytes_total: int | None = None
    has_floor: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Quotas:
        """Read a row's JSON, without what a newer version may have put there."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def stored(self) -> dict[str, Any]:
        """Return the JSON that a row stores: only what is said."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False)}

    def without_captures(self) -> Quotas:
        """Return the same without the numbers of captures, for who may capture nothing."""
        return replace(self, egress_bytes_per_day=None, egress_bytes_total=None)

    def number(self, name: str) -> int | None:
        value: int | None = getattr(self, name)
        return value


SILENT = Quotas()


def defaults_of(gate: GateSettings) -> Quotas:
    """Return what holds where a grant says nothing: the gate's numbers, else the installation's.

    Without either, a request may take the model's whole context, and captures have no limit in all.
    """
    return Quotas(
        tokens_per_day=gate.tokens_per_day or settings.DAILY_TOKENS,
        concurrent_jobs=gate.concurrent_jobs or settings.MAX_OPEN_JOBS,
        context_tokens=gate.context_tokens or None,
        egress_bytes_per_day=gate.egress_bytes_per_day or settings.DAILY_EGRESS_BYTES,
        egress_bytes_total=gate.egress_bytes_total or None,
    )


def bounds_of(gate: GateSettings) -> Quotas:
    """Return the most that a reviewer may give: the gate's bounds, else no more than by default."""
    default = defaults_of(gate)
    numbers: dict[str, Any] = {
        name: getattr(gate, f"most_{name}") or default.number(name) for name in NUMBERS
    }
    return Quotas(**numbers)


def bound_errors(gate: GateSettings) -> dict[str, str]:
    """Return what is wrong with a gate's bounds: those below what holds without a reviewer."""
    default, errors = defaults_of(gate), {}
    for name in NUMBERS:
        most, least = getattr(gate, f"most_{name}"), default.number(name)
        if most and least is None:
            errors[f"most_{name}"] = "Give the default too: without one there is no limit below it."
        elif most and least is not None and most < least:
            errors[f"most_{name}"] = (
                f"Give at least the default, {shown(name, least)}; or 0 for that."
            )
    return errors


def in_force(quotas: Quotas, gate: GateSettings) -> Quotas:
    """Return a grant's quotas with the defaults where it says nothing."""
    default = asdict(defaults_of(gate))
    return Quotas(**{**default, **quotas.stored()})


def check_quotas(quotas: Quotas, gate: GateSettings) -> None:
    """Raise FieldErrors naming each number that the gate doesn't leave to reviewers."""
    bounds, errors = bounds_of(gate), {}
    for name, label in NUMBERS.items():
        number, most = quotas.number(name), bounds.number(name) or LARGEST[name]
        if number is not None and not 1 <= number <= most:
            least = shown(name, 1)
            errors[name] = (
                f"{label}: give {least} to {shown(name, most)}, or nothing for what the gate gives."
            )
    if errors:
        raise FieldErrors(errors, inside="quotas")


def narrowest_quotas(votes: Sequence[Quotas], default: Quotas) -> Quotas:
    """Return the smallest of each number, and a floor where every vote gives it.

    A vote that says nothing is one for the default; where that is the smallest, so does the result.
    """
    numbers = {
        name: _smallest([vote.number(name) for vote in votes], default.number(name))
        for name in NUMBERS
    }
    return Quotas(**numbers, has_floor=all(vote.has_floor for vote in votes))


def _smallest(named: Sequence[int | None], default: int | None) -> int | None:
    least = min((number for number in named if number is not None), default=None)
    is_default = None in named and default is not None and (least is None or default <= least)
    return None if is_default else least


def quota_words(quotas: Quotas) -> str:
    """Write quotas in force as one sentence, and another where there is a floor."""
    parts = [_part(quotas, name, words) for name, words in WORDS.items()]
    said = [part for part in parts if part]
    listed = _("Hosted use, for each person: %(quotas)s.") % {"quotas": enumerated(said)}
    return f"{listed} {FLOOR}" if quotas.has_floor else listed


def shown(name: str, number: int) -> str:
    """Write a number of a quota for people, bytes in their largest unit."""
    return size(number) if name in IN_BYTES else thousands(number)


def _part(quotas: Quotas, name: str, words: Callable[[int], str]) -> str:
    number = quotas.number(name)
    return "" if number is None else words(number)


WORDS: dict[str, Callable[[int], str]] = {
    "tokens_per_day": lambda number: (
        ngettext("%(number)s token a day", "%(number)s tokens a day", number)
        % {"number": thousands(number)}
    ),
    "concurrent_jobs": lambda number: (
        ngettext("%(number)s job at a time", "%(number)s jobs at a time", number)
        % {"number": thousands(number)}
    ),
    "context_tokens": lambda number: (
        ngettext(
            "%(number)s token in a prompt and its completion",
            "%(number)s tokens in a prompt and its completion",
            number,
        )
        % {"number": thousands(number)}
    ),
    "egress_bytes_per_day": lambda number: _("%(size)s of captures a day") % {"size": size(number)},
    "egress_bytes_total": lambda number: _("%(size)s of captures in all") % {"size": size(number)},
}
