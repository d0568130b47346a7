"""Say who decides a request alone: its owner once it was escalated, or the chair over a split."""

from __future__ import annotations

from dataclasses import dataclass

from portal.access.policy.request_actions import RequestAction
from portal.parsing.texts import require_text


@dataclass(frozen=True)
class Alone:
    """A way to decide alone: as the owner, as the chair with a reason; or, if empty, none."""

    is_override: bool
    chair_reason: str

    @classmethod
    def of(cls, is_override: bool, chair_reason: str | None) -> Alone:
        """Raise FieldErrors for a chair who gives no reason."""
        if chair_reason is None:
            return cls(is_override, "")
        missing = "Say why you decide so where the votes differ; the team reads it."
        return cls(False, require_text(chair_reason, "chair_reason", missing=missing))

    def __bool__(self) -> bool:
        return self.is_override or bool(self.chair_reason)


def action_of(
    is_override: bool,
    chair_reason: str | None,
    *,
    otherwise: RequestAction = RequestAction.VOTE,
) -> RequestAction:
    """Return the action that deciding so takes the permission for."""
    if chair_reason is not None:
        return RequestAction.SETTLE
    return RequestAction.OVERRIDE if is_override else otherwise
