"""Change a gate's settings and its team, as long as the team stays able to do its work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from portal.access.gate.chair import end_chair
from portal.access.gate.team_capacity import Demand, Team, shortages, team_of, undecidable
from portal.access.models import GateSettings
from portal.access.policy.administering import lock_administered_repo
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import LARGEST, bound_errors
from portal.accounts.affiliations import find_person
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo, NamespaceSeat, TeamMember
from portal.catalog.services.repos import add_team_member, remove_team_member
from portal.errors import FieldErrors

# The smallest and largest value of each setting that is a number.
RANGES = {
    "quorum": (1, 20),
    "undo_minutes": (0, 1440),
    "question_days": (7, 365),
    "offer_days": (7, 365),
    "appeal_days": (14, 365),
    "lift_quorum": (1, 20),
    "member_cap": (0, 1000),
    "waiting_tokens_per_day": (0, 10_000_000),
    "decision_days": (1, 365),
    **{name: (0, most) for name, most in LARGEST.items()},
    **{f"most_{name}": (0, most) for name, most in LARGEST.items()},
}
SWITCHES = frozenset(
    {
        "hidden_votes",
        "names_reviewers",
        "names_in_subjects",
        "two_person_revocation",
        "renewal_needs_review",
    }
)


@transaction.atomic
def save_gate(
    *, actor: User, repo_id: int, values: Mapping[str, int | bool], now: datetime
) -> GateSettings:
    """Change a gate's settings; ``decision_days`` is the repo's own.

    Raise FieldErrors, which say how many people are missing, where the team could no longer
    decide or lift a hold, or where too few could decide a waiting request without a conflict; and
    for a bound of a quota that is below its default.
    """
    # The lock on the repo keeps two changes at once from making together what each alone may not.
    repo = lock_administered_repo(actor, repo_id)
    _require_in_range(values)
    settings = settings_of(repo)
    before = gate_values(settings, repo)
    changed = {name: value for name, value in values.items() if before[name] != value}
    if not changed:
        return settings
    after = before | changed
    team = team_of(repo)
    _require_enough(repo, Demand.of(team, before), Demand.of(team, after), now)
    for name in changed.keys() - {"decision_days"}:
        setattr(settings, name, after[name])
    if any(name.removeprefix("most_") in LARGEST for name in changed):
        _require_bounds(settings)
    settings.updated_by, settings.updated_at = actor, now
    settings.save()
    if "decision_days" in changed:
        repo.decision_days = int(after["decision_days"])
        repo.save(update_fields=["decision_days"])
    record(EventType.GATE_CONFIGURED, actor=actor, target=repo, at=now, changed=changed)
    return settings


def gate_values(settings: GateSettings, repo: ModelRepo) -> dict[str, int | bool]:
    """Return the values of all settings that ``save_gate`` takes."""
    own = {name: getattr(settings, name) for name in {*RANGES, *SWITCHES} - {"decision_days"}}
    return {**own, "decision_days": repo.decision_days}


def _require_in_range(values: Mapping[str, int | bool]) -> None:
    unknown = values.keys() - RANGES.keys() - SWITCHES
    if unknown:
        raise TypeError(f"not a setting of a gate: {', '.join(sorted(unknown))}")
    errors = {
        name: f"Choose {least} to {most}."
        for name, (least, most) in RANGES.items()
        if name in values and not least <= values[name] <= most
    }
    if errors:
        raise FieldErrors(errors)


def _require_bounds(settings: GateSettings) -> None:
    """Raise FieldErrors for a bound of a quota that is below its default."""
    if errors := bound_errors(settings):
        raise FieldErrors(errors)


def _require_enough(repo: ModelRepo, before: Demand, after: Demand, now: datetime) -> None:
    """Raise FieldErrors where a change of settings or team makes some work impossible.

    What was impossible before the change is no error, so that it can be mended step by step.
    """
    errors = shortages(after)
    has_voters = len(after.team.voters) >= len(before.team.voters)
    has_lifters = len(after.team.lifters) >= len(before.team.lifters)
    if after.quorum <= before.quorum and has_voters:
        errors.pop("quorum", None)
    if after.lift_quorum <= before.lift_quorum and has_lifters:
        errors.pop("lift_quorum", None)
    if before.two_to_revoke and has_lifters:
        errors.pop("two_person_revocation", None)
    if "quorum" not in errors and (stranded := _newly_undecidable(repo, before, after, now)):
        errors["quorum"] = _stranded(stranded)
    if errors:
        raise FieldErrors(errors)


def _newly_undecidable(repo: ModelRepo, before: Demand, after: Demand, now: datetime) -> set[str]:
    if after.quorum <= before.quorum and after.team.voters >= before.team.voters:
        return set()  # each request waiting is looked at below, which is slow
    stranded = undecidable(repo, after.team.voters, after.quorum, now)
    return stranded - undecidable(repo, before.team.voters, before.quorum, now)


def _stranded(references: set[str]) -> str:
    listed = ", ".join(sorted(references)[:10])
    which = "Request" if len(references) == 1 else "Requests"
    return (
        f"{which} {listed} could no longer be decided: too few people of the team are free of "
        "conflicts. Seat somebody else first, or have them decided."
    )


@transaction.atomic
def seat_member(*, actor: User, repo_id: int, person: str, role: str, now: datetime) -> TeamMember:
    """Put a person on the team, by username or confirmed address, or change their role."""
    repo = lock_administered_repo(actor, repo_id)
    user = find_person(person)
    errors = {}
    if user is None:
        errors["person"] = "Nobody here has that username or confirmed e-mail address."
    if role not in TeamMember.Role.values:
        errors["role"] = "Choose reviewer or administrator."
    if errors or user is None:
        raise FieldErrors(errors)
    teams = teams_of([repo])
    seat = add_team_member(
        actor=actor, repo_id=repo_id, user=user, role=TeamMember.Role(role), now=now
    )
    require_still_able(teams, field="role", now=now)
    return seat


@transaction.atomic
def unseat_member(*, actor: User, repo_id: int, user_id: int, now: datetime) -> None:
    """Take a person off the team, unless it could then no longer do its work."""
    repo = lock_administered_repo(actor, repo_id)
    seat = TeamMember.objects.filter(repo=repo, user=user_id).select_related("user").first()
    if seat is None:
        return
    teams = teams_of([repo])
    if not NamespaceSeat.objects.filter(namespace=repo.namespace_id, user=user_id).exists():
        end_chair(repo, user_id, actor=actor, now=now)
    remove_team_member(actor=actor, repo_id=repo_id, user=seat.user, now=now)
    require_still_able(teams, field="user_id", now=now)


def teams_of(repos: Iterable[ModelRepo]) -> list[tuple[ModelRepo, Team]]:
    """Return the team of each repo, before a change of people that ``require_still_able`` checks.

    The caller has locked the repos.
    """
    return [(repo, team_of(repo)) for repo in repos]


def require_still_able(
    teams: Iterable[tuple[ModelRepo, Team]], *, field: str, now: datetime
) -> None:
    """Raise FieldErrors on ``field`` where a team could do its work before a change, and now can't.

    The change was made in the same transaction, which the error undoes.
    """
    for repo, team in teams:
        _require_able(repo, team, field, now)


def _require_able(repo: ModelRepo, before: Team, field: str, now: datetime) -> None:
    after = team_of(repo)
    if after == before:
        return
    values = gate_values(settings_of(repo), repo)
    try:
        _require_enough(repo, Demand.of(before, values), Demand.of(after, values), now)
    except FieldErrors as error:
        words = " ".join(error.errors.values())
        raise FieldErrors({field: f"{repo.full_name}: {words}"}) from error
