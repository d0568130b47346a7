"""The table of ``policy.request_actions`` as docs/permissions.md shows it."""

from __future__ import annotations

from collections.abc import Iterator

from portal.access.models import AccessRequest
from portal.access.policy.conflicts import WORDS, ConflictKind
from portal.access.policy.request_actions import RULES, Relation, RequestAction, Role

State = AccessRequest.State
WHO = {
    Role.APPLICANT: "Whoever asks. They stand on no other side of their own request.",
    Role.REVIEWER: "Somebody on the model’s team.",
    Role.ADMINISTRATOR: "Somebody on the team who administers the model as well.",
    Role.CHAIR: "The one of the team whom the gate names, where votes differ and neither decides.",
    Role.OWNER: "Somebody who may publish in the model’s namespace, once the case was escalated.",
    Role.GUEST: "Somebody outside the team who was invited to this one request, until it ends.",
}


def matrix() -> str:
    """Write each role’s acts by state, and what conflicts leave of them, in Markdown."""
    roles = (line for role in Role for line in _of_role(role))
    return "\n".join([*roles, *_in_conflict()])


def _of_role(role: Role) -> Iterator[str]:
    roles, split = frozenset({role}), role == Role.CHAIR
    allowed = {state: Relation(roles, state, votes_differ=split).actions for state in State}
    own = {
        state: Relation(roles, state, is_author=True, votes_differ=split).actions for state in State
    }
    yield f"### {role.capitalize()}\n"
    yield f"{WHO[role]}\n"
    yield f"| | {' | '.join(state.value.replace('_', ' ') for state in State)} |"
    yield f"| --- |{' :-: |' * len(State)}"
    for act in RequestAction:
        if any(act in acts for acts in own.values()):
            marks = (_mark(act, allowed[state], own[state]) for state in State)
            yield f"| {act} | {' | '.join(marks)} |"
    yield ""


def _mark(act: RequestAction, allowed: set[RequestAction], own: set[RequestAction]) -> str:
    if act in allowed:
        return "●"
    return "○" if act in own else ""


def _in_conflict() -> Iterator[str]:
    """Write which of the team's acts each conflict leaves. One's own request is the applicant's."""
    conflicts = [conflict for conflict in ConflictKind if conflict != ConflictKind.SELF]
    yield "### In a conflict of interest\n"
    yield "What it leaves to the team of the acts above; several leave what each of them does.\n"
    yield from (f"- {_named(conflict)}: {WORDS[conflict]}" for conflict in conflicts)
    yield ""
    yield f"| | {' | '.join(map(_named, conflicts))} |"
    yield f"| --- |{' :-: |' * len(conflicts)}"
    for act, rule in RULES.items():
        if rule.roles != {Role.APPLICANT}:
            marks = ("" if conflict in rule.barred_by else "●" for conflict in conflicts)
            yield f"| {act} | {' | '.join(marks)} |"
    yield ""


def _named(conflict: ConflictKind) -> str:
    return conflict.replace("_", " ")
