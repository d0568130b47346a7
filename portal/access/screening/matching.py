"""Compare what people say and have proved with the entries of the sanctions lists.

A hit decides nothing; it asks a person to look. So names match generously: letter case,
punctuation and words around the name don't count. False hits are expected.
"""

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
    """An entry of a list, and the words that match it."""

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


@lru_cache(maxsize=50_000)  # the entries of a list, which every grant is compared with
def normalised(text: str) -> str:
    """Return words as they are compared: one form of each letter, no case, no punctuation."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(letter if _of_a_word(letter) else " " for letter in folded).split())


def _of_a_word(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter).startswith("M")


def normal_value(kind: str, value: str) -> str:
    """Return an entry's value as it is stored, or "" if it would match nothing or everything."""
    if kind == EntryKind.COUNTRY:
        return value.strip().upper()
    if kind == EntryKind.DOMAIN:
        return normal_domain(value.strip().lstrip("@")) or ""
    return " ".join(value.split()) if normalised(value) else ""


def list_version(entries: Iterable[ScreeningEntry]) -> str:
    """Return a digest of the lists, by which a screening names what it compared with."""
    lines = sorted(f"{entry.kind}\t{entry.value}" for entry in entries)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def active_entries() -> list[ScreeningEntry]:
    """Return the entries of the lists, from memory unless they have changed since.

    Entries are added with rising keys, removed once and never edited. So their number and the
    newest key identify them.
    """
    current = ScreeningEntry.objects.filter(removed_at=None)
    state = current.aggregate(count=Count("pk"), newest=Max("pk"))
    return list(_entries(state["count"], state["newest"]))


@lru_cache(maxsize=1)
def _entries(count: int, newest: int | None) -> tuple[ScreeningEntry, ...]:
    return tuple(ScreeningEntry.objects.filter(removed_at=None))


def newer(entries: Iterable[ScreeningEntry], than: int) -> list[ScreeningEntry]:
    """Return the entries that were added after the one with this key."""
    return [entry for entry in entries if entry.pk > than]


def hits_of(
    submission: Submission, entries: Iterable[ScreeningEntry], now: datetime
) -> list[ScreeningHit]:
    """Return the hits of a snapshot: each matching entry with the words that match."""
    return _hits(_statements(submission, now), entries)


def hits_of_member(
    membership: Membership, entries: Iterable[ScreeningEntry], now: datetime
) -> list[ScreeningHit]:
    """Return the hits of a member who signed: on what they signed as, and on their account."""
    return _hits(_statements_by_member(membership, now), entries)


def hits_of_grant(
    grant: Grant, entries: Iterable[ScreeningEntry], now: datetime
) -> list[ScreeningHit]:
    """Return the hits of a signed grant's holder.

    They are on what they signed as, on what they answered if they asked for it, and on their
    account.
    """
    return _hits(_statements_by_holder(grant, now), entries)


def _hits(statements: dict[str, set[str]], entries: Iterable[ScreeningEntry]) -> list[ScreeningHit]:
    return [
        ScreeningHit(entry.pk, entry.kind, entry.value, words)
        for entry in entries
        for words in sorted(statements[entry.kind])
        if _is_like(entry.kind, entry.value, words)
    ]


def _is_like(kind: str, value: str, words: str) -> bool:
    """Tell if they match; a name matches if it contains the entry's words, whole and in order."""
    if kind == EntryKind.COUNTRY:
        return value == words
    if kind == EntryKind.DOMAIN:
        return words == value or words.endswith(f".{value}")
    return f" {normalised(value)} " in f" {normalised(words)} "


def _statements(submission: Submission, now: datetime) -> dict[str, set[str]]:
    """Return, by kind of list, what the snapshot and the account say."""
    known = _known(submission.request.applicant, now)
    return _joined(known, _stated(submission.answers, submission.acceptances))


def _statements_by_holder(grant: Grant, now: datetime) -> dict[str, set[str]]:
    assert grant.acceptance is not None  # noqa: S101 (a grant that begins is signed)
    decision = first_of_line(grant).decision
    answers = decision.submission.answers if decision else {}
    return _joined(_known(grant.person, now), _stated(answers, [grant.acceptance]))


def first_of_line(grant: Grant) -> Grant:
    """Return the grant that this one renews, at however many removes, or itself."""
    while grant.parent is not None:
        grant = grant.parent
    return grant


def _stated(
    answers: Mapping[str, Any], acceptances: Iterable[Acceptance]
) -> dict[EntryKind, set[Any]]:
    signers = {acceptance.typed_name for acceptance in acceptances}
    entities = {acceptance.entity for acceptance in acceptances}
    return {
        EntryKind.COUNTRY: {answers.get("country")},
        EntryKind.PERSON: {answers.get("name"), *signers},
        EntryKind.ORGANIZATION: {answers.get("organization"), *entities},
    }


def _statements_by_member(membership: Membership, now: datetime) -> dict[str, set[str]]:
    """Return, by kind of list, what a member states and has proved.

    The organization that the holder signed for was screened with the holder.
    """
    assert membership.person is not None and membership.acceptance is not None  # noqa: S101, PT018
    stated = {
        EntryKind.DOMAIN: {domain_of(membership.email)},
        EntryKind.PERSON: {membership.acceptance.typed_name},
    }
    return _joined(_known(membership.person, now), stated)


def _known(user: User, now: datetime) -> dict[EntryKind, set[str]]:
    """Return what an account says of itself, and what is proved about it."""
    proved = [affiliation.organization for affiliation in affiliations_of(user, now)]
    return {
        EntryKind.COUNTRY: {str(organization.country) for organization in proved},
        EntryKind.DOMAIN: {domain_of(address) for address in addresses_of(user)},
        EntryKind.PERSON: {user.name},
        EntryKind.ORGANIZATION: {organization.name for organization in proved},
    }


def _joined(
    known: dict[EntryKind, set[str]], stated: Mapping[EntryKind, set[Any]]
) -> dict[str, set[str]]:
    both = {kind: words | stated.get(kind, set()) for kind, words in known.items()}
    return {str(kind): {str(word) for word in words if word} for kind, words in both.items()}


def unanswered_hits(user: User, entries: Iterable[ScreeningEntry]) -> list[ScreeningHit]:
    """Return the user's hits that nobody has cleared, on entries that are still listed.

    A corrected answer, or a new request, doesn't get round the check that the first one asked for.
    """
    listed = {entry.pk for entry in entries}
    unanswered = Screening.objects.of(user).unanswered()
    open_hits = [
        ScreeningHit.of(hit) for hits in unanswered.values_list("hits", flat=True) for hit in hits
    ]
    return [hit for hit in dict.fromkeys(open_hits) if hit.entry in listed]
