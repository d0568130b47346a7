"""The difference between two texts of a licence, paragraph by paragraph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from portal.access.requests.licence_text import LicenceBlock, blocks
from portal.catalog.models import LicenceVersion


@dataclass(frozen=True)
class TextChange:
    """Paragraphs that were removed and added; ``kept`` unchanged ones come before them."""

    kept: int
    removed: list[LicenceBlock]
    added: list[LicenceBlock]


def changes(older: str, newer: str) -> tuple[list[TextChange], int]:
    """Return the changes in order, and the number of unchanged paragraphs after the last."""
    before, after = blocks(older), blocks(newer)
    text_changes, unchanged = [], 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            unchanged = i2 - i1
            continue
        text_changes.append(TextChange(unchanged, before[i1:i2], after[j1:j2]))
        unchanged = 0
    return text_changes, unchanged


def text_before(version: LicenceVersion, now: datetime) -> LicenceVersion | None:
    """Return the text in force that a version, drafted or published, will follow; None for none."""
    if version.licence.pk is None:
        return None
    earlier = LicenceVersion.objects.filter(licence=version.licence).exclude(pk=version.pk)
    return earlier.select_related("licence").in_force_at(now).first()


def differences(older: LicenceVersion, newer: LicenceVersion) -> dict[str, Any]:
    """Return what the template of the differences between two versions takes."""
    changed, unchanged_after = changes(older.text, newer.text)
    return {
        "older": older,
        "newer": newer,
        "changes": changed,
        "kept_after": unchanged_after,
        "same_bytes": older.sha256 == newer.sha256,
        "asks_more": _only_in(newer, older),
        "asks_no_more": _only_in(older, newer),
    }


def _only_in(version: LicenceVersion, compared: LicenceVersion) -> list[str]:
    """Return the texts that one version asks to acknowledge and the other doesn't."""
    also_in_other = {
        (attestation["code"], attestation["text"]) for attestation in compared.attestations
    }
    return [
        attestation["text"]
        for attestation in version.attestations
        if (attestation["code"], attestation["text"]) not in also_in_other
    ]
