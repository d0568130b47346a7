"""Whether a team is enough for what its gate asks of it, and what is short where it isn't.

Voters are the reviewers and administrators of the team whose accounts are active. Those who lift
holds are its administrators, the owners and the operators. An appeal needs as many voters again as
decided before; where the team has too few, its owner hears it, so that is told and not refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from portal.access.models import AccessRequest
from portal.access.policy.conflicts import conflicts_of
from portal.accounts.models import User
from portal.catalog.models import ModelRepo, TeamMember

MOST_LOOKED_AT = 200  # undecided requests whose conflicts are looked at, oldest first


@dataclass(frozen=True)
class Team:
    voters: frozenset[User]
    lifters: frozenset[User]


def team_of(repo: ModelRepo) -> Team:
    seats = TeamMember.objects.filter(repo=repo, user__is_active=True).select_related("user")
    heads = {each.user for each in seats if each.role == TeamMember.Role.ADMINISTRATOR}
    active = User.objects.filter(is_active=True)
    owners = active.filter(namespace_roles__namespace=repo.namespace_id)
    operators = active.filter(is_superuser=True)
    return Team(
        voters=frozenset(each.user for each in seats),
        lifters=frozenset(heads | set(owners) | set(operators)),
    )


def shortages(quorum: int, lift_quorum: int, two_to_revoke: bool, team: Team) -> dict[str, str]:
    """What would be impossible, by the setting that asks too much; what to do about it.

    A team without anybody is not held to a quorum of one: its owner decides meanwhile.
    """
    found, voters, lifters = {}, len(team.voters), len(team.lifters)
    if quorum > max(voters, 1):
        found["quorum"] = (
            f"A decision would need {quorum} people, and the team has {voters}. Seat "
            f"{quorum - voters} more, or ask for {max(voters, 1)} or fewer."
        )
    if lift_quorum > lifters:
        found["lift_quorum"] = (
            f"Lifting a hold would need {lift_quorum} people, and {lifters} may. Make "
            f"{lift_quorum - lifters} more an administrator, or ask for {lifters} or fewer."
        )
    if two_to_revoke and lifters < 2:
        found["two_person_revocation"] = (
            f"Ending an access would need two people, and {lifters} may. Make "
            f"{2 - lifters} more an administrator first."
        )
    return found


def warnings(quorum: int, team: Team) -> list[str]:
    """What still works, but not as the lab may expect."""
    voters, found = len(team.voters), []
    if voters == 0:
        found.append("Nobody is on the team. Requests wait until they are put before the owner.")
    elif voters < 2 * quorum:
        missing = 2 * quorum - voters
        found.append(
            f"An appeal is decided by people who didn’t decide before. The team is {missing} short "
            "of that, so the owner hears appeals."
        )
    if team.voters and not team.voters & team.lifters:
        found.append(
            "Nobody on the team administers it. A request that the lists hold back waits until it "
            "is put before the owner."
        )
    return found


def undecidable(repo: ModelRepo, voters: Collection[User], quorum: int, now: datetime) -> set[str]:
    """The references of undecided requests that too few of these people may decide."""
    waiting = AccessRequest.objects.undecided().filter(repo=repo).order_by("submitted_at", "pk")
    found = set()
    for each in waiting.select_related("applicant")[:MOST_LOOKED_AT]:
        conflicts = conflicts_of(voters, each, now)
        if sum(not conflicts[person.pk] for person in voters) < quorum:
            found.add(each.reference)
    return found
