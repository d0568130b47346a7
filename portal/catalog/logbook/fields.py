"""Check the fields of a logbook's entry, whichever format its file has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.dateparse import parse_datetime

from portal.catalog.models import LogbookEntry

Correction = LogbookEntry.Correction
EXAMPLE = "2026-11-23T10:00:00+00:00"
TEXTS = {"run": 80, "parent_run": 80, "cause": 40, "author": 200, "body": 100_000}
LARGEST = 2**63
DIGEST = re.compile(r"[0-9a-f]{8,64}")
ZONES: dict[str, tzinfo] = {
    **dict.fromkeys(("UTC", "GMT", "Z"), UTC),
    "PT": ZoneInfo("America/Los_Angeles"),
    "MT": ZoneInfo("America/Denver"),
    "CT": ZoneInfo("America/Chicago"),
    "ET": ZoneInfo("America/New_York"),
    **{
        name: timezone(timedelta(hours=hours), name)
        for name, hours in {
            "PST": -8, "PDT": -7, "MST": -7, "MDT": -6, "CDT": -5, "EST": -5, "EDT": -4,
            "WET": 0, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9, "KST": 9,
        }.items()
    },
}  # fmt: skip


class WrongEntry(ValueError):
    """An error that says what to change in an entry."""


def moment_of(content: Mapping[str, Any], name: str) -> datetime | None:
    """Return the time in a field, with its zone; None where it is empty. Raises WrongEntry."""
    value = content.get(name)
    if value in (None, ""):
        return None
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    named = str(content.get("zone") or "")
    if moment is None or (moment.tzinfo is None and not named):
        raise WrongEntry(f"{name} must be a time with its zone, such as {EXAMPLE}")
    return _placed(moment, named, name) if named else moment


def zone_named(name: str) -> tzinfo:
    """Return the time zone of that name. Raises WrongEntry."""
    if name in ZONES:
        return ZONES[name]
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise WrongEntry(
            f"zone {name[:40]!r} is not known: write one such as PT, ET, UTC, CET or Europe/Paris"
        ) from None


def _placed(moment: datetime, named: str, name: str) -> datetime:
    """Put a local time into its zone. Raises WrongEntry for an hour that clocks skip or repeat."""
    zone = zone_named(named)
    if moment.tzinfo is not None:
        if moment.utcoffset() != moment.astimezone(zone).utcoffset():
            raise WrongEntry(f"{name} has another offset than {named} has then: correct either")
        return moment.astimezone(zone)
    earlier, later = moment.replace(tzinfo=zone), moment.replace(tzinfo=zone, fold=1)
    if earlier.utcoffset() != later.utcoffset():
        raise WrongEntry(
            f"{name} is an hour that the clocks of {named} skip or repeat: write its offset, such "
            f"as {EXAMPLE}"
        )
    return earlier


def check_entry(content: Mapping[str, Any]) -> None:
    """Raise WrongEntry for a field that the logbook's table has no column for."""
    if content.get("kind") not in LogbookEntry.Kind.values:
        raise WrongEntry(f"kind must be one of {', '.join(LogbookEntry.Kind.values)}")
    began, ended = moment_of(content, "occurred_at"), moment_of(content, "ended_at")
    if began is None:
        raise WrongEntry(f"occurred_at must be a time with its zone, such as {EXAMPLE}")
    if ended is not None and ended < began:
        raise WrongEntry("ended_at is before occurred_at: correct either")
    for name, longest in TEXTS.items():
        text = content.get(name)
        if text is not None and (not _is_text(text) or len(str(text)) > longest):
            raise WrongEntry(f"{name} must be text of at most {longest} characters")
    for name, fits, expected in OTHERS:
        if content.get(name) is not None and not fits(content[name]):
            raise WrongEntry(f"{name} must be {expected}")
    correction_of(content)


def correction_of(content: Mapping[str, Any]) -> tuple[Correction, int | str] | None:
    """Return how an earlier entry is amended, and its number or its digest's beginning."""
    named_in = [correction for correction in Correction if content.get(correction) is not None]
    if len(named_in) > 1:
        raise WrongEntry(f"{' and '.join(named_in)} can’t both be: write two entries")
    if not named_in:
        return None
    value = content[named_in[0]]
    if isinstance(value, str) and value.isdecimal() and len(value) < 8:
        value = int(value)
    if not (_is_count(value) and value) and not (
        isinstance(value, str) and DIGEST.fullmatch(value)
    ):
        raise WrongEntry(f"{named_in[0]} must be an entry’s number, or its digest from 8 digits on")
    return named_in[0], value


def _is_text(value: object) -> bool:
    return isinstance(value, str | int | float) and "\0" not in str(value)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < LARGEST


def _holds(kind: type) -> Callable[[Any], bool]:
    """Return True if PostgreSQL’s JSON can hold the value: no U+0000, no NaN."""

    def fits(value: Any) -> bool:
        try:
            written = json.dumps(value, allow_nan=False)
        except ValueError:
            return False
        return isinstance(value, kind) and "\\u0000" not in written

    return fits


OTHERS: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("automatic", lambda value: isinstance(value, bool), "true or false"),
    ("step", _is_count, "a whole number"),
    ("tokens", _is_count, "a whole number"),
    ("figures", _holds(dict), "an object of finite numbers and texts"),
    ("software", _holds(dict), "an object of names and versions"),
    ("changes", _holds(list), "a list of objects with name, from, to and reason"),
)
