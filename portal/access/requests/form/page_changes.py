"""Tell which answers a page has changed, so that one tab doesn't undo what another has written.

A page of the form carries a digest of each answer that it shows. What comes back with the same
digest was not touched there, however the draft has changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from portal.errors import Invalid
from portal.parsing.json import read_object

DIGITS = 16  # of a digest: enough to tell two texts of one person apart


@dataclass(frozen=True)
class PageChanges:
    """The answers that were changed on a page since it was shown.

    ``clashes``: those among them that the draft has otherwise since, with the draft's answers.
    """

    answers: dict[str, Any]
    clashes: dict[str, Any]


def digests_of(answers: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """Return the digest of each of these answers by its name."""
    return {name: _digest(answers.get(name)) for name in names}


def page_changes(
    posted: Mapping[str, Any], *, seen: Mapping[str, str], draft: Mapping[str, Any]
) -> PageChanges:
    """Compare what is posted with the digests ``seen`` on the page, and with the draft as it is."""
    changed = {name: value for name, value in posted.items() if _digest(value) != seen.get(name)}
    clashes = {
        name: draft.get(name)
        for name, value in changed.items()
        if name in seen
        and _digest(draft.get(name)) not in (seen[name], _digest(value))
        and not _goes_on(draft.get(name), value)
    }
    return PageChanges(changed, clashes)


def seen_after(
    posted: Mapping[str, Any], *, seen: Mapping[str, str], draft: Mapping[str, Any]
) -> dict[str, str]:
    """Return the digests with which a page goes on after it was saved.

    It has seen the draft's answer only where that is the one that it shows itself.
    """
    shown = {name: _digest(value) for name, value in posted.items()}
    return {
        **seen,
        **{name: text for name, text in shown.items() if text == _digest(draft.get(name))},
    }


def digests_in(text: str) -> dict[str, str]:
    """Read the digests that a page carries as JSON; none of what is no such JSON."""
    try:
        return read_object(text.encode())
    except Invalid:
        return {}


def _goes_on(before: Any, after: Any) -> bool:
    """Tell whether an answer continues another, as one that was saved while it was typed."""
    are_texts = isinstance(before, str) and isinstance(after, str)
    return are_texts and _plain(after).startswith(_plain(before))


def _digest(value: Any) -> str:
    text = json.dumps(_plain(value), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _plain(value: Any) -> Any:
    """Return an answer in one spelling: browsers end lines in two ways, and nothing has many."""
    if isinstance(value, str):
        return "\n".join(value.splitlines())
    return value or ""
