"""Conditions of a grant beyond its modes and its end: data that the policy enforces.

"Hosted only" is a grant without the download mode, and "until" is its end; neither is a condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.errors import FieldErrors

MOST_PATTERNS = 50
MOST_MEMBERS = 1000


@dataclass(frozen=True)
class Conditions:
    """The conditions of one grant.

    ``no_logits``: generated text only, no logits or activations. ``no_captures``: text and
    log-probabilities, but nothing that stands inside the model, and no change of it. ``files``:
    what may be downloaded, as patterns of paths. ``max_members``: how many people may work under it
    beside its holder.
    """

    no_logits: bool = False
    no_captures: bool = False
    files: tuple[str, ...] | None = None
    max_members: int | None = None

    @property
    def forbids_captures(self) -> bool:
        """Tell whether nothing that stands inside the model may be copied out or changed."""
        return self.no_captures or self.no_logits

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Conditions:
        """Read a row's JSON. Raise TypeError on an unknown key: no condition is ever ignored."""
        values = dict(stored)
        if values.get("files") is not None:
            values["files"] = tuple(values["files"])
        return cls(**values)

    def stored(self) -> dict[str, Any]:
        """Return the JSON that a row stores: only what differs from having no condition."""
        default = asdict(Conditions())
        changed = {key: value for key, value in asdict(self).items() if value != default[key]}
        if self.files is not None:
            changed["files"] = list(self.files)
        return changed

    def words(self) -> list[str]:
        """Write each condition as a sentence, for letters and pages."""
        sentences = []
        if self.no_logits:
            sentences.append(_("Generated text only: no logprobs, hidden states or attention."))
        elif self.no_captures:
            sentences.append(_("No captures: no hidden states, attention or interventions."))
        if self.files is not None:
            sentences.append(
                _("Only these files may be downloaded: %(files)s.")
                % {"files": ", ".join(self.files)}
            )
        if self.max_members is not None:
            most = ngettext(
                "At most %(number)d member may work under this grant.",
                "At most %(number)d members may work under this grant.",
                self.max_members,
            )
            sentences.append(most % {"number": self.max_members})
        return sentences


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def check_conditions(conditions: Conditions) -> None:
    """Raise FieldErrors naming each condition that can't be enforced as it is written."""
    errors: dict[str, str] = {}
    if conditions.files is not None:
        patterns = [pattern.strip() for pattern in conditions.files]
        if not patterns or not all(patterns) or len(patterns) > MOST_PATTERNS:
            errors["files"] = f"Name 1 to {MOST_PATTERNS} paths or patterns, such as *.json."
    members = conditions.max_members
    if members is not None and not 0 <= members <= MOST_MEMBERS:
        errors["max_members"] = f"Members: give a number, 0 to {MOST_MEMBERS}."
    if errors:
        raise FieldErrors(errors, inside="conditions")
