"""Say which use of a model a request is, for the policy to allow or refuse."""

from __future__ import annotations

from portal.access.policy.policy import Action


def action_for(*, is_scored: bool, looks_inside: bool) -> Action:
    """Return the action: text alone, log-probabilities too, or anything inside the model.

    Of two that a request needs it is the one that is allowed less often.
    """
    if looks_inside:
        return Action.CAPTURE
    return Action.SCORE if is_scored else Action.INFER
