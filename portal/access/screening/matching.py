"""Holding what a snapshot says against the lists. A hit decides nothing: it asks a human."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Count, Max

from portal.access.models import (
    Acceptance,
    Grant,
    Membership,
    Screening,
    ScreeningEntry,
    Submission,
)
from portal.accounts.affiliations import addresses_of, affiliations_of
from portal.accounts.models import User
from portal.accounts.organizations.domains import domain_of, normal_domain

EntryKind = ScreeningEntry.Kind


@dataclass(frozen=True)
class ScreeningHit:
    """A line of a list, and the words of the request that are like it."""

    entry: int
    kind: str
    value: str
    found: str

    def stored(self) -> dict[str, int | str]:
        return {"entry": self.entry, "kind": self.kind, "value": self.value, "found": self.found}

    @classmethod
    def of(cls, stored: dict[str, int | str]) -> ScreeningHit:
        return cls(
            int(stored["entry"]), str(stored["kind"]), str(stored["value"]), str(stored["found"])
        )


@lru_cache(maxsize=50_000)  # the lines of a list, which each grant is held against
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
    """Return the lines that stand, read from the database where they have changed since.

    Lines are added with rising keys, taken off once, and never changed, so how many stand and the
    newest of them tell which they are.
    """
    standing = ScreeningEntry.objects.filter(removed_at=None)
    found = standing.aggregate(count=Count("pk"), newest=Max("pk"))
    return list(_entries(found["count"], found["newest"]))


@lru_cache(maxsize=1)
def _entries(count: int, newest: int | None) -> tuple[ScreeningEntry, ...]:
    return tuple(ScreeningEntry.objects.filter(removed_at=None))


def newer(entries: Iterable[ScreeningEntry], than: int) -> list[ScreeningEntry]:
    """Return the lines that were added after the one with this key."""
    return [entry for entry in entries if entry.pk > than]


def hits_of(
    submission: Submission, entries: Iterable[ScreeningEntry], now: datetime
) -> list[ScreeningHit]:
    """Every entry that this snapshot is like, each with the words that are."""
    return _hits(_said(submission, now), entries)


def hits_of_member(
    membership: Membership, entries: Iterable[ScreeningEntry], now: datetime
) -> list[ScreeningHit]:
    """The same for a member who signed: what they sign as, and what their account says."""
    return _hits(_said_by_member(membership, now), entries)


def hits_of_grant(
    grant: Grant, entries: Iterable[ScreeningEntry], now: datetime
) -> list[ScreeningHit]:
    """Return the hits on the holder of a signed grant.

    Looked at are what they signed as, what they answered where it was asked for, and what their
    account says.
    """
    return _hits(_said_by_holder(grant, now), entries)


def _hits(said: dict[str, set[str]], entries: Iterable[ScreeningEntry]) -> list[ScreeningHit]:
    return [
        ScreeningHit(entry.pk, entry.kind, entry.value, found)
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
    known = _known(submission.request.applicant, now)
    return _joined(known, _given(submission.answers, submission.acceptance))


def _said_by_holder(grant: Grant, now: datetime) -> dict[str, set[str]]:
    assert grant.acceptance is not None  # noqa: S101 (a grant that begins is signed)
    decision = first_of_line(grant).decision
    answers = decision.submission.answers if decision else {}
    return _joined(_known(grant.person, now), _given(answers, grant.acceptance))


def first_of_line(grant: Grant) -> Grant:
    """Return the grant that this one renews, at however many removes, or itself."""
    while grant.parent is not None:
        grant = grant.parent
    return grant


def _given(answers: Mapping[str, Any], acceptance: Acceptance) -> dict[EntryKind, set[Any]]:
    return {
        EntryKind.COUNTRY: {answers.get("country")},
        EntryKind.PERSON: {answers.get("name"), acceptance.typed_name},
        EntryKind.ORGANIZATION: {answers.get("organization"), acceptance.entity},
    }


def _said_by_member(membership: Membership, now: datetime) -> dict[str, set[str]]:
    """For whom the holder signed was held against the lists with the holder."""
    assert membership.person is not None and membership.acceptance is not None  # noqa: S101, PT018
    given = {
        EntryKind.DOMAIN: {domain_of(membership.email)},
        EntryKind.PERSON: {membership.acceptance.typed_name},
    }
    return _joined(_known(membership.person, now), given)


def _known(user: User, now: datetime) -> dict[EntryKind, set[str]]:
    """What an account says by itself, and by what is proved of it."""
    proved = [each.organization for each in affiliations_of(user, now)]
    return {
        EntryKind.COUNTRY: {str(each.country) for each in proved},
        EntryKind.DOMAIN: {domain_of(address) for address in addresses_of(user)},
        EntryKind.PERSON: {user.name},
        EntryKind.ORGANIZATION: {each.name for each in proved},
    }


def _joined(
    known: dict[EntryKind, set[str]], given: Mapping[EntryKind, set[Any]]
) -> dict[str, set[str]]:
    both = {kind: words | given.get(kind, set()) for kind, words in known.items()}
    return {str(kind): {str(each) for each in words if each} for kind, words in both.items()}


def unanswered_hits(user: User, entries: Iterable[ScreeningEntry]) -> list[ScreeningHit]:
    """Hits of this person's that no human has answered, on lines that still stand.

    A corrected answer, or a new request, doesn't get round the check that the first one asked for.
    """
    standing = {entry.pk for entry in entries}
    unanswered = Screening.objects.of(user).unanswered()
    found = [
        ScreeningHit.of(each) for hits in unanswered.values_list("hits", flat=True) for each in hits
    ]
    return [hit for hit in dict.fromkeys(found) if hit.entry in standing]
