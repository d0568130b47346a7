"""Whole months, by which use is added up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils.translation import gettext_lazy as _

MONTH_REMEDY = _("Write the month as in 2026-11.")
REVERSED = _("Choose a month that isn’t before the first.")
SHOWN = 12


@dataclass(frozen=True)
class Months:
    """Whole months, the first and the last included, each as its first day; in UTC."""

    first: date
    last: date

    @classmethod
    def ending(cls, last: date, *, first: date | None = None) -> Months:
        """Return the months up to the last: from the first on, else a year of them."""
        if first is not None:
            return cls(min(first, last), last)
        months = last.year * 12 + last.month - SHOWN
        return cls(date(months // 12, months % 12 + 1, 1), last)

    @classmethod
    def until(cls, now: datetime) -> Months:
        """Return the year of months that the present one ends."""
        return cls.ending(now.astimezone(UTC).date().replace(day=1))

    @property
    def begins(self) -> datetime:
        return _midnight(self.first)

    @property
    def ends(self) -> datetime:
        """Return the moment after the last month."""
        month = self.last.year * 12 + self.last.month
        return _midnight(date(month // 12, month % 12 + 1, 1))


def month_named(text: str) -> date | None:
    """Return the month that is written so, such as 2026-11; None for anything else."""
    match = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", text, re.ASCII)
    return date(int(match[1]), int(match[2]), 1) if match else None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
