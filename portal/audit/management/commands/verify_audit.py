"""Check the audit chain from its first event to its last."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.audit.checking import ChainReport, Fault, verify_chain
from portal.audit.heads import Head

LINE = re.compile(r"(\d{4}-\d\d-\d\d)(?:T([01]\d|2[0-3]):00Z)? +([1-9]\d{0,17}) +([0-9a-f]{64})")


class Command(BaseCommand):
    help = (
        "Check the audit chain and its published heads; name the first event that was tampered "
        "with, and exit with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--heads", type=Path, metavar="FILE", help="an older copy of /record/heads.txt"
        )
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        heads = read_heads(options["heads"]) if options["heads"] else []
        report = verify_chain(heads, progress=self._progress)
        if self.stderr.isatty():
            self.stderr.write("\r", ending="")
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report), default=str))
        if report.fault:
            raise CommandError(in_words(report.fault))
        if not options["json"]:
            self.stdout.write(summary(report))

    def _progress(self, events: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{events} events read", ending="")


def summary(report: ChainReport) -> str:
    heads = f" {report.heads_checked} published heads agree." if report.heads_checked else ""
    return f"{report.events} events, unbroken.{heads} Head {report.head or 'none yet'}."


def in_words(fault: Fault) -> str:
    if fault.at is None:
        return f"Event {fault.sequence} (no event): {fault.reason}."
    when = f"{fault.at:%Y-%m-%d %H:%M:%S} UTC"
    event = f"{fault.type} of {when}" if fault.type else f"no event; the next is of {when}"
    return f"Event {fault.sequence} ({event}): {fault.reason}."


def read_heads(path: Path) -> list[Head]:
    """Read a copy of heads.txt, without comments after ``#`` and blank lines."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} can’t be read: {error}") from error
    heads = list(_heads(path, lines))
    if not heads:
        raise CommandError(f"{path} holds no head. Save /record/heads.txt as it is.")
    return heads


def _heads(path: Path, lines: list[str]) -> Iterator[Head]:
    for number, line in enumerate(lines, start=1):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        try:
            yield _head(content)
        except ValueError:
            raise CommandError(
                f"{path}, line {number}: “{content[:80]}” is no head. It should read "
                "“2026-05-03 1234 <64 hex digits>”."
            ) from None


def _head(content: str) -> Head:
    """Parse a line of heads.txt. Raise ValueError if it is none."""
    match = LINE.fullmatch(content)
    if match is None:
        raise ValueError(content)
    hour = int(match[2]) if match[2] else None
    return Head(date.fromisoformat(match[1]), int(match[3]), match[4], hour)
