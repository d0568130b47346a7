"""Read the terms that a revision's files state: its licence texts, and what its card names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.catalog.contents import Content
from portal.catalog.formats.card import LARGEST_CARD_BYTES
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.parsing.cards import read_head
from portal.parsing.yaml import NotYaml
from portal.storage import BlobMissing, blob_store

CARD = "README.md"
LICENCE_TEXTS = ("LICENSE", "LICENSE.md", "LICENSE.txt")
CARD_FIELDS = ("license", "license_name", "license_link")
LONGEST_VALUE = 80


@dataclass(frozen=True)
class RevisionTerms:
    """The sha256 of each licence text, by path, and what the card says of the licence, by field."""

    texts: Mapping[str, str]
    card: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Name these terms; a consent is kept by this name."""
        return hashlib.sha256(
            json.dumps([dict(self.texts), dict(self.card)], sort_keys=True).encode()
        ).hexdigest()


NO_TERMS = RevisionTerms({}, {})


def terms_of(contents: Iterable[Content]) -> RevisionTerms:
    """Read the terms of stored files."""
    files = {content.path: content for content in contents}
    texts = {path: files[path].sha256 for path in LICENCE_TEXTS if path in files}
    return RevisionTerms(texts, terms_in_card(_stored_card(files.get(CARD))))


def terms_in_card(card: str) -> dict[str, str]:
    """Return what a card's metadata says of the licence; nothing where it can't be read."""
    try:
        head = read_head(card) or {}
    except NotYaml:
        return {}
    return {name: _spelt(head[name]) for name in CARD_FIELDS if head.get(name)}


def changes_between(before: RevisionTerms, after: RevisionTerms, repo: ModelRepo) -> list[str]:
    """Say what stood before and is another or gone, in words that follow a colon.

    What is said for the first time changes nothing. Nor does a text of the licence that the model
    stands under: publishing that was an act of its own.
    """
    if before == after:
        return []
    followed = _versions_of(repo)
    texts = [
        _text_change(path, after.texts.get(path), sha256 in followed)
        for path, sha256 in before.texts.items()
        if after.texts.get(path) not in {sha256, *followed}
    ]
    fields = [
        _field_change(name, value, after.card.get(name))
        for name, value in before.card.items()
        if after.card.get(name) != value
    ]
    return texts + fields


def _versions_of(repo: ModelRepo) -> set[str]:
    versions = LicenceVersion.objects.filter(licence=repo.licence_id)
    return set(versions.values_list("sha256", flat=True)) if repo.licence_id else set()


def _text_change(path: str, sha256: str | None, was_signed: bool) -> str:
    if sha256 is None:
        return f"{path} is gone"
    if was_signed:
        return f"{path} is no longer the text that people sign for this model"
    return f"{path} is another text"


def _field_change(name: str, before: str, after: str | None) -> str:
    if after is None:
        return f"{name} in {CARD} was “{before}” and is gone"
    return f"{name} in {CARD} was “{before}” and is “{after}”"


def _spelt(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return " ".join(text.split())[:LONGEST_VALUE]


def _stored_card(card: Content | None) -> str:
    if card is None or card.size_bytes > LARGEST_CARD_BYTES:
        return ""
    try:
        with blob_store().open(card.sha256) as content:
            return content.read().decode("utf-8", "replace")
    except BlobMissing:
        return ""
