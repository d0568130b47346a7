"""One kind of letter: what it says by default, and the facts that can stand in it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.outbox.templates import LetterWords

# Facts of every letter about a request, a grant or a hold, each with a sample.
HOLD = {"repo": "lab/model", "reference": "0417"}
REQUEST = HOLD | {"applicant": "Researcher Name"}
GRANT = HOLD | {"holder": "Researcher Name"}

ENDS = "What the licence asks of you after the end still holds."


@dataclass(frozen=True)
class LetterKind:
    """``samples``: its facts, each with a sample for the preview. ``required``: those that the
    letter may not leave out."""

    label: str
    words: LetterWords
    samples: dict[str, str]
    required: frozenset[str] = frozenset({"repo"})
