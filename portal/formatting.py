"""Format figures, sizes and dates for people, in the language that is active.

A unit follows a no-break space.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo

from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

SPACE = "\u00a0"
_SIZES = ("kB", "MB", "GB", "TB", "PB")
_COUNTS = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k"))
_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
# English writes 1,204.50; what another language has instead of each sign.
_SIGNS = {"de": str.maketrans(",.", ".,")}
# Days in each language, in the letters of Django's filter ``date``: one that binds, one in prose,
# one in a table, and one within this year.
_DAYS = {
    "en": {"whole": "l j F Y", "prose": "j F Y", "short": "j M Y", "near": "j M"},
    "de": {"whole": "l, j. F Y", "prose": "j. F Y", "short": "j. N Y", "near": "j. N"},
}
_SHA256, _HEAD, _TAIL, _COMMIT = 64, 8, 6, 10


def figures(text: str) -> str:
    """Write a number that was formatted in English with the signs of the active language."""
    return text.translate(_SIGNS.get(get_language() or "", {}))


def thousands(number: int) -> str:
    """Write a whole number: 20,000."""
    return figures(f"{number:,}")


def enumerated(words: Iterable[str]) -> str:
    """Write words in a row: “a, b and c”."""
    *first, last = [*words] or [""]
    if not first:
        return last
    return _("%(words)s and %(last)s") % {"words": ", ".join(first), "last": last}


def quoted(words: str) -> str:
    """Write words in the quotation marks of the language."""
    return _("“%(words)s”") % {"words": words}


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
        text = ngettext("%(number)d byte", "%(number)d bytes", size_bytes)
        return text.replace(" ", SPACE) % {"number": size_bytes}
    number = float(size_bytes)
    for unit in _SIZES:
        number /= 1000
        text = f"{number:.1f}" if unit == "kB" and number < 99.95 else _three_figures(number)
        if float(text) < 1000 or unit == _SIZES[-1]:
            break
    return f"{figures(text)}{SPACE}{unit}"


def count(number: int) -> str:
    """Format a count to two figures or the whole: 175 B, 6.7 B, 125 M."""
    for factor, unit in _COUNTS:
        scaled = number / factor
        if round(scaled) >= 1 and round(scaled, 1) >= 1:
            text = f"{scaled:.1f}".removesuffix(".0") if scaled < 9.95 else f"{scaled:.0f}"
            return f"{figures(text)}{SPACE}{_magnitude(unit)}"
    return str(number)


def _magnitude(unit: str) -> str:
    """Return the sign of a thousand, a million, a billion or a trillion."""
    return {
        "k": pgettext("thousand", "k"),
        "M": pgettext("million", "M"),
        "B": pgettext("billion", "B"),
        "T": pgettext("trillion", "T"),
    }[unit]


def counted(number: int, singular: str, plural: str = "") -> str:
    """Write a number with its noun, in English: “1 grant”, “3 grants”."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def digest(value: str) -> str:
    """Shorten a sha256 to b3356305…6870f5, and a commit to its first ten digits."""
    if len(value) >= _SHA256:
        return f"{value[:_HEAD]}…{value[-_TAIL:]}"
    return value[:_COMMIT]


def duration(span: timedelta) -> str:
    """Format a duration in its largest whole unit: 5 d, 3 h, 12 min."""
    number, unit = _largest_unit(abs(span)) or (0, "min")
    return _short(number, unit)


def _largest_unit(span: timedelta) -> tuple[int, str] | None:
    """Return how many of its largest unit a span has, and that unit; None under a minute."""
    return next(((span // unit, name) for unit, name in _UNITS if span >= unit), None)


def _short(number: int, unit: str) -> str:
    text = {
        "d": ngettext("%(number)d d", "%(number)d d", number),
        "h": ngettext("%(number)d h", "%(number)d h", number),
        "min": ngettext("%(number)d min", "%(number)d min", number),
    }[unit]
    return text.replace(" ", SPACE) % {"number": number}


def _short_until(number: int, unit: str) -> str:
    text = {
        "d": ngettext("in %(number)d d", "in %(number)d d", number),
        "h": ngettext("in %(number)d h", "in %(number)d h", number),
        "min": ngettext("in %(number)d min", "in %(number)d min", number),
    }[unit]
    return _keep_unit(text) % {"number": number}


def _short_late(number: int, unit: str) -> str:
    text = {
        "d": ngettext("%(number)d d late", "%(number)d d late", number),
        "h": ngettext("%(number)d h late", "%(number)d h late", number),
        "min": ngettext("%(number)d min late", "%(number)d min late", number),
    }[unit]
    return _keep_unit(text) % {"number": number}


def _keep_unit(text: str) -> str:
    """Keep a unit on the line of its number."""
    return text.replace("%(number)d ", f"%(number)d{SPACE}")


def duration_words(span: timedelta) -> str:
    """Format a duration's largest whole unit in words: 57 days, 3 hours, under a minute."""
    largest = _largest_unit(span)
    if largest is None:
        return _("under a minute")
    number, unit = largest
    text = {
        "d": ngettext("%(number)d day", "%(number)d days", number),
        "h": ngettext("%(number)d hour", "%(number)d hours", number),
        "min": ngettext("%(number)d minute", "%(number)d minutes", number),
    }[unit]
    return _keep_unit(text) % {"number": number}


def scaled(number: float, unit: str, prefixes: Sequence[str]) -> str:
    """Format an amount with three figures and a metric prefix: 312 kWh, 3.20 kg."""
    for prefix in prefixes[:-1]:
        if number < 999.5:
            return f"{figures(_three_figures(number))}{SPACE}{prefix}{unit}"
        number /= 1000
    return f"{figures(_three_figures(number))}{SPACE}{prefixes[-1]}{unit}"


def until(due: datetime | date, now: datetime) -> str:
    """Format the time until a due date: in 11 d, 1 d late; within a day, in 5 h."""
    days = days_until(due, now)
    if days or not isinstance(due, datetime):
        if not days:
            return _("today")
        number, unit, late = abs(days), "d", days < 0
    else:
        number, unit = _largest_unit(abs(due - now)) or (0, "min")
        late = due < now
    return _short_late(number, unit) if late else _short_until(number, unit)


def days_until(due: datetime | date, now: datetime) -> int:
    """Count the calendar days from ``now`` to ``due``, in the site's time zone."""
    return (_day(due) - _day(now)).days


def in_days(due: datetime | date, now: datetime) -> str:
    """Format a day relative to today, for prose: in 11 days, today, yesterday, 3 days ago."""
    days = days_until(due, now)
    near = {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}
    if days in near:
        return near[days]
    if days > 0:
        return ngettext("in %(days)d day", "in %(days)d days", days) % {"days": days}
    return ngettext("%(days)d day ago", "%(days)d days ago", -days) % {"days": -days}


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
    return _in_words(value, "whole")


def day_in_words(value: datetime | date) -> str:
    """Format a date for prose: 4 December 2026."""
    return _in_words(value, "prose")


def short_date(value: datetime | date) -> str:
    """Format a date for tables: 4 Dec 2026."""
    return _in_words(value, "short")


def near_date(value: datetime | date) -> str:
    """Format a date whose year is known: 4 Dec."""
    return _in_words(value, "near")


def moment(value: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Format a time: today, 10:04; 18 Nov, 09:12; in another year 18 Nov 2025, 09:12.

    zone: the reader's; where it isn't known, the site's is named: today, 10:04 UTC.
    """
    local = timezone.localtime(value, zone)
    day, today = local.date(), timezone.localtime(now, zone).date()
    if day == today:
        return _("today, %(time)s") % {"time": clock(value, zone)}
    return f"{_in_words(day, 'near' if day.year == today.year else 'short')}, {clock(value, zone)}"


def clock(value: datetime, zone: tzinfo | None = None) -> str:
    """Format a time of day in the reader's zone, else in the site's, and name that; UTC always."""
    local = timezone.localtime(value, zone)
    is_theirs = zone is not None and str(zone) != "UTC"
    return f"{local:%H:%M}" if is_theirs else f"{local:%H:%M}{SPACE}{local:%Z}"


def _day(value: datetime | date) -> date:
    if isinstance(value, datetime):
        return timezone.localtime(value).date()
    return value


def _in_words(value: datetime | date, form: str) -> str:
    forms = _DAYS.get(get_language() or "", _DAYS["en"])
    return format_date(_day(value), forms[form])
