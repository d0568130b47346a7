"""Format figures, sizes and dates for people: a unit follows a no-break space."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from django.utils import timezone

SPACE = "\u00a0"
_SIZES = ("kB", "MB", "GB", "TB", "PB")
_COUNTS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_SHA256, _HEAD, _TAIL, _COMMIT = 64, 8, 6, 10


def _three_figures(number: float) -> str:
    if 0 < number < 0.995:
        return f"{number:.2g}"
    for places, below in ((2, 10), (1, 100)):
        if round(number, places) < below:
            return f"{number:.{places}f}"
    return f"{number:.0f}"


def size(size_bytes: int) -> str:
    """Format a size in powers of 1000 with three figures: 14.2 kB, 2.11 MB, 350 GB."""
    if size_bytes < 1000:
        return f"{size_bytes}{SPACE}byte{'' if size_bytes == 1 else 's'}"
    number = float(size_bytes)
    for unit in _SIZES:
        number /= 1000
        text = f"{number:.1f}" if unit == "kB" and number < 99.95 else _three_figures(number)
        if float(text) < 1000 or unit == _SIZES[-1]:
            break
    return f"{text}{SPACE}{unit}"


def count(number: int) -> str:
    """Format a count to two figures or the whole: 175 B, 6.7 B, 125 M."""
    for factor, unit in _COUNTS:
        scaled = number / factor
        if round(scaled) >= 1 and round(scaled, 1) >= 1:
            text = f"{scaled:.1f}".removesuffix(".0") if scaled < 9.95 else f"{scaled:.0f}"
            return f"{text}{SPACE}{unit}"
    return str(number)


def counted(number: int, singular: str, plural: str = "") -> str:
    """Write a number with its noun: “1 grant”, “3 grants”."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def digest(value: str) -> str:
    """Shorten a sha256 to b3356305…6870f5, and a commit to its first ten digits."""
    if len(value) >= _SHA256:
        return f"{value[:_HEAD]}…{value[-_TAIL:]}"
    return value[:_COMMIT]


def duration(span: timedelta) -> str:
    """Format a duration in its largest whole unit: 5 d, 3 h, 12 min."""
    span = abs(span)
    for unit, name in _UNITS:
        if span >= unit:
            return f"{span // unit}{SPACE}{name}"
    return f"0{SPACE}min"


def duration_words(span: timedelta) -> str:
    """Format a duration's largest whole unit in words: 57 days, 3 hours, under a minute."""
    words = {"d": "day", "h": "hour", "min": "minute"}
    for unit, name in _UNITS:
        if number := span // unit:
            return f"{number}{SPACE}{words[name]}{'' if number == 1 else 's'}"
    return "under a minute"


def scaled(number: float, unit: str, prefixes: Sequence[str]) -> str:
    """Format an amount with three figures and a metric prefix: 312 kWh, 3.20 kg."""
    for prefix in prefixes[:-1]:
        if number < 999.5:
            return f"{_three_figures(number)}{SPACE}{prefix}{unit}"
        number /= 1000
    return f"{_three_figures(number)}{SPACE}{prefixes[-1]}{unit}"


def until(due: datetime | date, now: datetime) -> str:
    """Format the time until a due date: in 11 d, 1 d late; within a day, in 5 h."""
    days = days_until(due, now)
    if days or not isinstance(due, datetime):
        text, late = f"{abs(days)}{SPACE}d", days < 0
        if not days:
            return "today"
    else:
        text, late = duration(due - now), due < now
    return f"{text} late" if late else f"in {text}"


def days_until(due: datetime | date, now: datetime) -> int:
    """Count the calendar days from ``now`` to ``due``, in the site's time zone."""
    return (_day(due) - _day(now)).days


def in_days(due: datetime | date, now: datetime) -> str:
    """Format a day relative to today, for prose: in 11 days, today, yesterday, 3 days ago."""
    days = days_until(due, now)
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    if days in near:
        return near[days]
    return f"in {days} days" if days > 0 else f"{-days} days ago"


def start_of_day(now: datetime) -> datetime:
    """Return the last midnight, at which quotas of a day begin anew."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def seconds_to_midnight(now: datetime) -> int:
    """Return for how many seconds to wait for the next day, rounded up."""
    return int((start_of_day(now) + timedelta(days=1) - now).total_seconds()) + 1


def months_after(day: date, months: int) -> date:
    """Return the same day of a later month, or its last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def whole_date(value: datetime | date) -> str:
    """Format a date that binds somebody: Friday 4 December 2026."""
    day = _day(value)
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def short_date(value: datetime | date) -> str:
    """Format a date for tables: 4 Dec 2026."""
    day = _day(value)
    return f"{day.day} {day:%b} {day.year}"


def moment(value: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Format a time: today, 10:04; 18 Nov, 09:12; in another year 18 Nov 2025, 09:12.

    zone: the reader's; where it isn't known, the site's is named: today, 10:04 UTC.
    """
    local = timezone.localtime(value, zone)
    day, today = local.date(), timezone.localtime(now, zone).date()
    if day == today:
        return f"today, {clock(value, zone)}"
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {day:%b}{year}, {clock(value, zone)}"


def clock(value: datetime, zone: tzinfo | None = None) -> str:
    """Format a time of day in the reader's zone, else in the site's, and name that; UTC always."""
    local = timezone.localtime(value, zone)
    is_theirs = zone is not None and str(zone) != "UTC"
    return f"{local:%H:%M}" if is_theirs else f"{local:%H:%M}{SPACE}{local:%Z}"


def _day(value: datetime | date) -> date:
    if isinstance(value, datetime):
        return timezone.localtime(value).date()
    return value
