"""Create and configure repos, and seat their teams."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from portal.accounts.models import Namespace, User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.engine_choice import engine_of
from portal.catalog.errors import (
    MayNotPublish,
    NameKept,
    NameLeadsElsewhere,
    RepoExists,
    RepoNotFound,
)
from portal.catalog.labs.seats import seat_holders
from portal.catalog.models import EngineName, FormerName, Gate, Licence, ModelRepo, TeamMember
from portal.catalog.quarantine.load_results import why_not_loaded
from portal.catalog.services.lookup import head_revision
from portal.errors import FieldErrors
from portal.parsing.texts import text_problem

CONFIGURABLE = frozenset(
    {
        "summary",
        "why_gated",
        "family",
        "parameters",
        "context_length",
        "private",
        "download_gate",
        "inference_gate",
        "licence",
        "hosted",
        "engine",
        "tool_parser",
        "prompt_days",
        "decision_days",
        "pickles_allowed",
    }
)
MOST_PARAMETERS, MOST_CONTEXT = 10**15, 2**31 - 1
NEEDS_LICENCE = (
    "A gated model stands under a licence. Choose one that is published here, or leave it open."
)


def require_may_publish(actor: User, namespace: Namespace) -> None:
    if not Namespace.objects.publishable_by(actor).filter(pk=namespace.pk).exists():
        raise MayNotPublish(
            f"You may not publish in {namespace.name}. Ask the operator for the right to."
        )


def locked_for_publishing(actor: User, repo_id: int) -> ModelRepo:
    """Lock a repo that the actor may publish. Raises MayNotPublish, or RepoNotFound."""
    locked = ModelRepo.objects.select_for_update(of=("self",), no_key=True).with_names()
    repo: ModelRepo = locked.get(pk=repo_id)
    require_may_publish(actor, repo.namespace)
    if repo.deleted_at is not None:
        raise RepoNotFound(f"{repo.full_name} was deleted.")
    return repo


@transaction.atomic
def create_repo(
    *, actor: User, namespace: str, name: str, now: datetime, **configuration: Any
) -> ModelRepo:
    """Make a repo in a namespace where the actor may publish; they administer it.

    A name that leads to a repo which moved is not free until somebody gives it up.
    """
    place = locked_namespace(namespace)
    require_may_publish(actor, place)
    require_free(actor, place, name)
    repo = ModelRepo(namespace=place, name=name, created_at=now, **_checked(configuration))
    require_valid(repo, now)
    repo.save()
    record(EventType.REPO_CREATED, actor=actor, target=repo, at=now, name=repo.full_name)
    return repo


def locked_namespace(name: str) -> Namespace:
    """Lock a namespace, so that the second of two who want one name finds it taken."""
    place = (
        Namespace.objects.select_for_update(of=("self",), no_key=True)
        .filter(name__iexact=name)
        .first()
    )
    if place is None:
        raise RepoNotFound(f"There is no namespace {name}.", field="namespace")
    return place


def require_free(
    actor: User, namespace: Namespace, name: str, *, repo: ModelRepo | None = None
) -> None:
    """Raise RepoExists, or a subclass, for a name that a repo has or that leads to one.

    A name that leads to ``repo`` itself is free: the repo may take it back.
    """
    full_name = f"{namespace.name}/{name}"
    if taken := ModelRepo.objects.named(full_name).with_names().first():
        raise RepoExists(taken.full_name)
    former = FormerName.objects.filter(namespace=namespace, name__iexact=name)
    if former_name := former.exclude(repo=repo).select_related("repo__namespace").first():
        if ModelRepo.objects.visible_to(actor).filter(pk=former_name.repo_id).exists():
            raise NameLeadsElsewhere(full_name, former_name.repo.full_name)
        raise NameKept(full_name)


def require_valid(repo: ModelRepo, now: datetime) -> None:
    """Raise FieldErrors for what the model's own validation refuses, and what nobody could sign."""
    errors = {}
    try:
        repo.full_clean()
    except ValidationError as error:
        errors = {field: " ".join(messages) for field, messages in error.message_dict.items()}
    is_gated = {repo.download_gate, repo.inference_gate} != {Gate.OPEN}
    if is_gated and repo.licence is None:
        errors = {"licence": NEEDS_LICENCE}
    elif is_gated and repo.licence not in Licence.objects.signable_at(now):
        errors["licence"] = "No text of this licence is in force yet. Choose another one."
    if problem := text_problem(repo.why_gated):
        errors["why_gated"] = problem
    for name, most in (("parameters", MOST_PARAMETERS), ("context_length", MOST_CONTEXT)):
        if (value := getattr(repo, name)) is not None and not 1 <= value <= most:
            errors[name] = f"Give a whole number, 1 to {most:,}, or none."
    if errors:
        raise FieldErrors(errors)


def _require_prompt_days(configuration: dict[str, Any]) -> None:
    """Refuse more days than the installation keeps prompts. Raise FieldErrors."""
    days, most = configuration.get("prompt_days"), settings.PROMPT_DAYS
    if days is not None and not 0 <= days <= most:
        raise FieldErrors(
            {
                "prompt_days": f"Give a whole number of days, 0 to {most}, or none: no model’s "
                "prompts are kept here for longer."
            }
        )


def _require_tried(repo: ModelRepo, field: str) -> None:
    """Refuse to host what the engine that is to serve it hasn't loaded. Raise FieldErrors."""
    revision = head_revision(repo)
    if revision is not None and (why := why_not_loaded(repo, revision)):
        engine = engine_of(repo, revision)
        where = " where WEIGHTGATE_VLLM is set" if engine == EngineName.VLLM else ""
        raise FieldErrors(
            {
                field: f"{why}. An operator tries it with `manage.py try_load {repo.full_name} "
                f"--engine {engine}`{where}; then it can be hosted."
            }
        )


def settings_url(repo: ModelRepo) -> str:
    """Return the address of a repo's settings, for messages that are read elsewhere too."""
    return f"{settings.BASE_URL}/{repo.full_name}/settings"


def _checked(configuration: dict[str, Any]) -> dict[str, Any]:
    unknown = set(configuration) - CONFIGURABLE
    if unknown:
        raise TypeError(f"not a setting of a repo: {', '.join(sorted(unknown))}")
    _require_prompt_days(configuration)
    return configuration


@transaction.atomic
def configure_repo(*, actor: User, repo_id: int, now: datetime, **configuration: Any) -> ModelRepo:
    """Change a repo's settings, and record those that differ from before.

    A gate by request needs somebody who decides: with nobody on the team, whoever sets it is.
    """
    repo = locked_for_publishing(actor, repo_id)
    wanted = _checked(configuration)
    changed = {key: value for key, value in wanted.items() if getattr(repo, key) != value}
    if changed:
        for key, value in changed.items():
            setattr(repo, key, value)
        require_valid(repo, now)
        if changed.get("hosted") or (repo.hosted and "engine" in changed):
            _require_tried(repo, "hosted" if "hosted" in changed else "engine")
        repo.save()
        record(
            EventType.REPO_CONFIGURED,
            actor=actor,
            target=repo,
            at=now,
            changed={key: str(value) for key, value in changed.items()},
        )
    seat_first(actor, repo, now)
    return repo


def seat_first(actor: User, repo: ModelRepo, now: datetime) -> None:
    """Put whoever gates a repo by request on its team, where nobody would decide otherwise."""
    if repo.takes_requests and not seat_holders(repo).exists():
        administrator = TeamMember.Role.ADMINISTRATOR
        add_team_member(actor=actor, repo_id=repo.pk, user=actor, role=administrator, now=now)


def _administered(actor: User, repo_id: int) -> ModelRepo:
    """Lock a repo that the actor administers. Raises MayNotPublish."""
    repo = ModelRepo.objects.select_for_update(of=("self",), no_key=True).select_related(
        "namespace"
    )
    administered = repo.get(pk=repo_id)
    if not ModelRepo.objects.administered_by(actor).filter(pk=repo_id).exists():
        raise MayNotPublish(
            f"You don’t administer {administered.full_name}. Ask somebody who does."
        )
    return administered


@transaction.atomic
def add_team_member(
    *, actor: User, repo_id: int, user: User, role: TeamMember.Role, now: datetime
) -> TeamMember:
    """Seat a person on a repo's review team, or change their role there."""
    repo = _administered(actor, repo_id)
    member = TeamMember.objects.filter(repo=repo, user=user).first()
    if member and member.role == role:
        return member
    member, _ = TeamMember.objects.update_or_create(repo=repo, user=user, defaults={"role": role})
    record(
        EventType.TEAM_MEMBER_ADDED,
        actor=actor,
        target=repo,
        at=now,
        user=user.username,
        role=str(role),
    )
    return member


@transaction.atomic
def remove_team_member(*, actor: User, repo_id: int, user: User, now: datetime) -> None:
    """Take a person off a repo's review team. The caller checks that enough reviewers stay."""
    repo = _administered(actor, repo_id)
    removed, _ = TeamMember.objects.filter(repo=repo, user=user).delete()
    if removed:
        record(EventType.TEAM_MEMBER_REMOVED, actor=actor, target=repo, at=now, user=user.username)
