"""What a grant is bound to beyond its modes and its end: data that the policy enforces.

"Hosted only" is a grant without the download mode, "until" is its end; the rest stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from portal.errors import FieldErrors

MOST_PATTERNS = 50
MOST_MEMBERS = 1000


@dataclass(frozen=True)
class Conditions:
    """``no_logits``: text only, nothing of the model's inside. ``files``: what may be downloaded,
    as patterns of paths. ``max_members``: how many may work under it beside its holder."""

    no_logits: bool = False
    files: tuple[str, ...] | None = None
    max_members: int | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Conditions:
        """From a row's JSON. Unknown keys are an error: a condition is never passed over."""
        given = dict(stored)
        if given.get("files") is not None:
            given["files"] = tuple(given["files"])
        return cls(**given)

    def stored(self) -> dict[str, Any]:
        """As a row keeps it: only what differs from no condition."""
        given, default = asdict(self), asdict(Conditions())
        kept = {key: value for key, value in given.items() if value != default[key]}
        if self.files is not None:
            kept["files"] = list(self.files)
        return kept

    def words(self) -> list[str]:
        """Each condition as a sentence, for letters and pages."""
        found = []
        if self.no_logits:
            found.append("Generated text only: no logprobs, hidden states or attention.")
        if self.files is not None:
            found.append(f"Only these files may be downloaded: {', '.join(self.files)}.")
        if self.max_members is not None:
            found.append(f"At most {self.max_members} members may work under this grant.")
        return found


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def check_conditions(conditions: Conditions) -> None:
    """Raises FieldErrors naming what can't be enforced as it is written."""
    errors: dict[str, str] = {}
    if conditions.files is not None:
        named = [pattern.strip() for pattern in conditions.files]
        if not named or not all(named) or len(named) > MOST_PATTERNS:
            errors["files"] = f"Name 1 to {MOST_PATTERNS} paths or patterns, such as *.json."
    members = conditions.max_members
    if members is not None and not 0 <= members <= MOST_MEMBERS:
        errors["max_members"] = f"Members: give a number, 0 to {MOST_MEMBERS}."
    if errors:
        raise FieldErrors(errors, inside="conditions")
