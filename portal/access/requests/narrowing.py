"""Narrow the terms of a grant for one model of a collection; they never become wider."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from portal.access.policy.conditions import Conditions, matches
from portal.access.requests.form.questions import requestable_modes
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors

WIDER = (
    "{} may not open more than the files named for all models: repeat a pattern from there, or "
    "name a file that it matches."
)
WILD = "*?["


@dataclass(frozen=True)
class Narrowing:
    """The limits of one model beyond those of all; no modes means all that are given."""

    modes: tuple[str, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Narrowing:
        return cls(tuple(stored.get("modes", ())), Conditions.of(stored.get("conditions", {})))

    def stored(self) -> dict[str, Any]:
        return {"modes": list(self.modes), "conditions": self.conditions.stored()}


@dataclass(frozen=True)
class ModelTerms:
    """The terms on which a grant opens one model, whole: its modes and conditions."""

    repo: ModelRepo
    modes: tuple[str, ...]
    conditions: Conditions


def narrow(
    repo: ModelRepo,
    modes: Collection[str],
    common: Conditions,
    own: Narrowing,
    *,
    offered: Collection[str] | None = None,
) -> ModelTerms:
    """Return a model's terms: the common ones, narrowed by its own, in the modes that it offers.

    ``offered``: by default the modes that its gate leaves to reviewers. Raise FieldErrors where its
    own files are more than the common ones.
    """
    if offered is None:
        offered = [str(mode) for mode in requestable_modes(repo)]
    wanted = set(modes) & set(own.modes or modes)
    files = _common_files(repo, common.files, own.conditions.files)
    conditions = Conditions(
        no_logits=common.no_logits or own.conditions.no_logits,
        no_captures=common.no_captures or own.conditions.no_captures,
        files=files,
        max_members=common.max_members,  # of the whole grant
    )
    return ModelTerms(repo, tuple(mode for mode in offered if mode in wanted), conditions)


def _common_files(
    repo: ModelRepo, common: tuple[str, ...] | None, own: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    if own is None or common is None:
        return common if own is None else own
    wider = [pattern for pattern in own if not _is_within(pattern, common)]
    if wider:
        field_name = f"models.{repo.pk}.conditions.files"
        raise FieldErrors({field_name: WIDER.format(", ".join(wider))})
    return own


def _is_within(pattern: str, common: tuple[str, ...]) -> bool:
    """Tell whether a pattern surely opens nothing that the common ones don't."""
    is_name = not any(sign in pattern for sign in WILD)
    return pattern in common or (is_name and matches(pattern, common))
