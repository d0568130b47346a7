"""Compute whether a team has enough people for the settings of its gate.

Voters are the reviewers and administrators of the team whose accounts are active. Its
administrators, the owners and the operators can lift holds. An appeal needs as many other voters
as decided before; where the team has too few, the owner hears it, so that is only a warning.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.access.models import AccessRequest
from portal.access.policy.conflicts import conflicts_of
from portal.access.policy.contacts import (
    guests_of,
    publishers,
    seated_administrators,
    team_members,
)
from portal.accounts.models import User
from portal.catalog.models import ModelRepo

MOST_CHECKED = 200  # undecided requests whose conflicts are checked, oldest first


@dataclass(frozen=True)
class Team:
    """The people who may vote on requests at a gate, and those who may lift its holds."""

    voters: frozenset[User]
    lifters: frozenset[User]


@dataclass(frozen=True)
class Demand:
    """A team, with the numbers of people that the settings of its gate ask for."""

    team: Team
    quorum: int
    lift_quorum: int
    two_to_revoke: bool

    @classmethod
    def of(cls, team: Team, values: Mapping[str, int | bool]) -> Demand:
        """Read the numbers of a gate's settings."""
        two_to_revoke = bool(values["two_person_revocation"])
        return cls(team, int(values["quorum"]), int(values["lift_quorum"]), two_to_revoke)


def team_of(repo: ModelRepo) -> Team:
    voters = team_members(repo)
    return Team(
        voters=frozenset(voters),
        lifters=frozenset(
            {*seated_administrators(repo), *publishers(repo), *User.objects.operators()}
        ),
    )


def shortages(demand: Demand) -> dict[str, str]:
    """Return, by each setting that asks for too many people, what to do about it.

    A team without anybody may have a quorum of one, since its owner decides meanwhile.
    """
    errors, voters, lifters = {}, len(demand.team.voters), len(demand.team.lifters)
    quorum, lift_quorum = demand.quorum, demand.lift_quorum
    if quorum > max(voters, 1):
        errors["quorum"] = (
            f"A decision would need {quorum} people, and the team has {voters}. Seat "
            f"{quorum - voters} more, or ask for {max(voters, 1)} or fewer."
        )
    if lift_quorum > lifters:
        errors["lift_quorum"] = (
            f"Lifting a hold would need {lift_quorum} people, and {lifters} may. Make "
            f"{lift_quorum - lifters} more an administrator, or ask for {lifters} or fewer."
        )
    if demand.two_to_revoke and lifters < 2:
        errors["two_person_revocation"] = (
            f"Revoking a grant would need two people, and {lifters} may. Make "
            f"{2 - lifters} more an administrator first."
        )
    return errors


def warnings(quorum: int, team: Team) -> list[str]:
    """List what works with this team, but maybe not as the lab expects."""
    voters, texts = len(team.voters), []
    if voters == 0:
        texts.append("Nobody is on the team. Requests wait until they are put before the owner.")
    elif voters < 2 * quorum:
        missing = 2 * quorum - voters
        texts.append(
            f"An appeal is decided by people who didn’t decide before. The team is {missing} short "
            "of that, so the owner hears appeals."
        )
    if team.voters and not team.voters & team.lifters:
        texts.append(
            "Nobody on the team administers it. A request that the lists hold back waits until it "
            "is put before the owner."
        )
    return texts


def undecidable(repo: ModelRepo, voters: Collection[User], quorum: int, now: datetime) -> set[str]:
    """Return the references of undecided requests that too few of these people may decide."""
    waiting = AccessRequest.objects.undecided().filter(repo=repo).order_by("submitted_at", "pk")
    references = set()
    for access_request in waiting.select_related("applicant")[:MOST_CHECKED]:
        voters_here = {*voters, *guests_of(access_request)}
        conflicts = conflicts_of(voters_here, access_request, now)
        if sum(not conflicts[voter.pk] for voter in voters_here) < quorum:
            references.add(access_request.reference)
    return references
