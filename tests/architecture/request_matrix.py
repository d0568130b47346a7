"""The table of ``policy.request_actions`` as docs/permissions.md shows it."""

from __future__ import annotations

from collections.abc import Iterator

from portal.access.models import AccessRequest
from portal.access.policy.request_actions import Act, Role, acts_for

State = AccessRequest.State
WHO = {
    Role.APPLICANT: "Whoever asks. They stand on no other side of their own request.",
    Role.REVIEWER: "Somebody on the model’s team.",
    Role.ADMINISTRATOR: "Somebody on the team who administers the model as well.",
    Role.OWNER: "Somebody who may publish in the model’s namespace, once the case was escalated.",
}


def matrix() -> str:
    """Each role's acts by state, in Markdown."""
    return "\n".join(line for role in Role for line in _of_role(role))


def _of_role(role: Role) -> Iterator[str]:
    allowed = {state: acts_for({role}, state) for state in State}
    yield f"### {role.capitalize()}\n"
    yield f"{WHO[role]}\n"
    yield f"| | {' | '.join(state.value.replace('_', ' ') for state in State)} |"
    yield f"| --- |{' :-: |' * len(State)}"
    for act in Act:
        if any(act in acts for acts in allowed.values()):
            yield f"| {act} | {' | '.join('●' if act in allowed[s] else '' for s in State)} |"
    yield ""
