"""A lab's own logbook in Markdown, one heading an entry. The grammar is in docs/logbook.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

from portal.catalog.logbook.fields import WrongEntry
from portal.catalog.models import LogbookEntry

HEADING = re.compile(
    r"### +(?P<day>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d(?::\d\d)?) +(?P<zone>[A-Za-z][\w/+-]*)"
    r"(?: +\[(?P<author>[^\]]+)\])? *: +run +(?P<run>[^\s,]+)(?:, +(?P<what>.+))?"
)
SHAPE = "### 2021-11-28 01:50 PT [who]: run 12.43, what happened"
LONGEST_INTEGER = 18  # digits that fit into 64 bits
FIELD = re.compile(r"(?P<name>[a-z_]+): +(?P<value>.*\S)")
CHANGE = re.compile(
    r"(?P<name>\S+) +(?P<before>.+?) +(?:->|→) +(?P<after>.+?)(?: +\((?P<reason>.+)\))?"
)


def read_entries(text: str) -> Iterator[tuple[int, dict[str, Any] | WrongEntry]]:
    """Yield each entry, or what is wrong with it, with its heading's line number."""
    for number, lines in _sections(text):
        try:
            yield number, _entry(lines)
        except WrongEntry as error:
            yield number, error


def _sections(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the text between headings of the third level or above, none of them in a code fence."""
    number, fenced = 0, False
    lines: list[str] = []
    for at, line in enumerate(text.splitlines(), start=1):
        fenced ^= line.startswith("```")
        level = 0 if fenced else len(line) - len(line.lstrip("#"))
        if 1 <= level <= 3 and line[level : level + 1] == " ":
            if lines:
                yield number, lines
            number, lines = at, [line] if level == 3 else []
        elif lines:
            lines.append(line)
    if lines:
        yield number, lines


def _entry(lines: list[str]) -> dict[str, Any]:
    heading = HEADING.fullmatch(lines[0].rstrip())
    if not heading:
        raise WrongEntry(f"the heading must read as “{SHAPE}”")
    content: dict[str, Any] = {
        "run": heading["run"],
        "occurred_at": f"{heading['day']}T{heading['time']}",
        "zone": heading["zone"],
        "author": heading["author"] or "",
    }
    rest = lines[1:]
    while rest and (field := FIELD.fullmatch(rest[0])) and field["name"] in FIELDS:
        FIELDS[field["name"]](content, field["name"], field["value"])
        rest = rest[1:]
    title = heading["what"] or ""
    content.setdefault("kind", _kind(title))
    content["body"] = "\n".join([title, *rest]).strip()
    return content


def _kind(title: str) -> str:
    """Return the entry's kind, if its first word is one; else "note"."""
    first = re.match(r"[a-z]*", title.lower())
    word = first[0] if first else ""
    return word if word in LogbookEntry.Kind.values else LogbookEntry.Kind.NOTE


def _text(content: dict[str, Any], name: str, value: str) -> None:
    content[name] = value


def _count(content: dict[str, Any], name: str, value: str) -> None:
    plain = value.replace(",", "").replace("_", "")
    if not (plain.isdecimal() and len(plain) <= LONGEST_INTEGER):
        raise WrongEntry(f"{name} must be a whole number")
    content[name] = int(plain)


def _yes(content: dict[str, Any], name: str, value: str) -> None:
    if value not in ("yes", "no"):
        raise WrongEntry(f"{name} must be yes or no")
    content[name] = value == "yes"


def _pairs(content: dict[str, Any], name: str, value: str) -> None:
    """Read ``loss=3.5, grad_norm=0.2``; a value that looks like a number becomes one."""
    pairs = dict(pair.strip().split("=", 1) for pair in value.split(",") if "=" in pair)
    if len(pairs) != len(value.split(",")):
        raise WrongEntry(f"{name} must read as name=value, name=value")
    content[name] = {key.strip(): _number(text.strip()) for key, text in pairs.items()}


def _versions(content: dict[str, Any], name: str, value: str) -> None:
    _pairs(content, name, value)
    content[name] = {key: str(version) for key, version in content[name].items()}


def _number(text: str) -> int | float | str:
    """Read a number that JSON can hold; anything else is text."""
    if re.fullmatch(rf"-?[0-9]{{1,{LONGEST_INTEGER}}}", text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if isfinite(number) else text


def _change(content: dict[str, Any], name: str, value: str) -> None:
    change_match = CHANGE.fullmatch(value)
    if not change_match:
        raise WrongEntry("change must read as “name before -> after (reason)”")
    change = {
        "name": change_match["name"],
        "from": change_match["before"],
        "to": change_match["after"],
    }
    content.setdefault("changes", []).append({**change, "reason": change_match["reason"] or ""})


FIELDS: dict[str, Callable[[dict[str, Any], str, str], None]] = {
    **dict.fromkeys(("kind", "cause", "parent_run", "ended_at"), _text),
    **dict.fromkeys(("corrects", "voids", "reverts"), _text),
    **dict.fromkeys(("step", "tokens"), _count),
    "automatic": _yes,
    "figures": _pairs,
    "software": _versions,
    "change": _change,
}
