"""Holding what a snapshot says against the lists. A hit decides nothing: it asks a human."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portal.access.models import Screening, ScreeningEntry, Submission
from portal.accounts.affiliations import addresses_of, affiliations_of
from portal.accounts.domains import domain_of, normal_domain
from portal.accounts.models import User

EntryKind = ScreeningEntry.Kind


@dataclass(frozen=True)
class Hit:
    """A line of a list, and the words of the request that are like it."""

    entry: int
    kind: str
    value: str
    found: str

    def stored(self) -> dict[str, int | str]:
        return {"entry": self.entry, "kind": self.kind, "value": self.value, "found": self.found}

    @classmethod
    def of(cls, stored: dict[str, int | str]) -> Hit:
        return cls(
            int(stored["entry"]), str(stored["kind"]), str(stored["value"]), str(stored["found"])
        )


def normalised(text: str) -> str:
    """Words as lists compare them: one form of each letter, no case, no punctuation."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(each if _of_a_word(each) else " " for each in folded).split())


def _of_a_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def normal_value(kind: str, value: str) -> str:
    """An entry as it is kept; "" where it could match nothing, or everything."""
    if kind == EntryKind.COUNTRY:
        return value.strip().upper()
    if kind == EntryKind.DOMAIN:
        return normal_domain(value.strip().lstrip("@")) or ""
    return " ".join(value.split()) if normalised(value) else ""


def list_version(entries: Iterable[ScreeningEntry]) -> str:
    """Names the lists as they stood: the sha256 of their lines, sorted."""
    lines = sorted(f"{entry.kind}\t{entry.value}" for entry in entries)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def active_entries() -> list[ScreeningEntry]:
    return list(ScreeningEntry.objects.filter(removed_at=None))


def hits_of(submission: Submission, entries: Iterable[ScreeningEntry], now: datetime) -> list[Hit]:
    """Every entry that this snapshot is like, each with the words that are."""
    said = _said(submission, now)
    return [
        Hit(entry.pk, entry.kind, entry.value, found)
        for entry in entries
        for found in sorted(said[entry.kind])
        if _is_like(entry.kind, entry.value, found)
    ]


def _is_like(kind: str, value: str, found: str) -> bool:
    """Names are alike where one holds the other's words, in order and whole."""
    if kind == EntryKind.COUNTRY:
        return value == found
    if kind == EntryKind.DOMAIN:
        return found == value or found.endswith(f".{value}")
    return f" {normalised(value)} " in f" {normalised(found)} "


def _said(submission: Submission, now: datetime) -> dict[str, set[str]]:
    """By kind of list, what the snapshot and the account say."""
    answers, person = submission.answers, submission.request.applicant
    proved = [each.organization for each in affiliations_of(person, now)]
    said = {
        EntryKind.COUNTRY: {answers.get("country"), *(str(each.country) for each in proved)},
        EntryKind.DOMAIN: {domain_of(address) for address in addresses_of(person)},
        EntryKind.PERSON: {answers.get("name"), person.name, submission.acceptance.typed_name},
        EntryKind.ORGANIZATION: {
            answers.get("organization"),
            submission.acceptance.entity,
            *(each.name for each in proved),
        },
    }
    return {str(kind): {str(each) for each in words if each} for kind, words in said.items()}


def unanswered_hits(person: User, entries: Iterable[ScreeningEntry]) -> list[Hit]:
    """Hits of this person's that no human has answered, on lines that still stand.

    A corrected answer, or a new request, doesn't get round the check that the first one asked for.
    """
    standing = {entry.pk for entry in entries}
    unanswered = Screening.objects.filter(
        submission__request__applicant=person, outcome=Screening.Outcome.HIT, disposed_at=None
    )
    found = [Hit.of(each) for hits in unanswered.values_list("hits", flat=True) for each in hits]
    return [hit for hit in dict.fromkeys(found) if hit.entry in standing]
