"""Give and take the roles of a lab, as long as each team stays able to do its work.

Publishers of a namespace and operators do that.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models, transaction
from django.db.models import QuerySet

from portal.access.gate.chair import end_chair
from portal.access.gate.settings import require_still_able, teams_of
from portal.access.letters import people as letters
from portal.access.models import AccessRequest, Assignment
from portal.accounts.models import Namespace, NamespaceRole, User
from portal.accounts.services import let_publish, stop_publishing
from portal.catalog.labs.seats import give_namespace_seat, take_namespace_seat
from portal.catalog.models import ModelRepo, NamespaceSeat, TeamMember
from portal.errors import FieldErrors, Forbidden
from portal.formatting import counted

TOKENS_STOP = "Tokens of theirs stop working for that at once."
NOBODY = "Nobody here has that username or confirmed e-mail address."


class LabRole(models.TextChoices):
    """A role in a lab: the right to publish, or a seat on the team of each of its models."""

    PUBLISHER = "publisher", "Publisher"
    REVIEWER = "reviewer", "Reviewer"
    ADMINISTRATOR = "administrator", "Administrator"


def lock_lab(actor: User, namespace_id: int) -> Namespace:
    """Lock a lab for a change of its people. Raise Forbidden unless the actor publishes there."""
    lab: Namespace = Namespace.objects.select_for_update(of=("self",), no_key=True).get(
        pk=namespace_id
    )
    require_may_change_people(actor, lab)
    return lab


def require_may_change_people(actor: User, lab: Namespace) -> None:
    """Raise Forbidden unless the actor publishes in the lab, or operates the site."""
    if not Namespace.objects.publishable_by(actor).filter(pk=lab.pk).exists():
        raise Forbidden("Only the publishers of a lab, and operators, say who works there.")


def require_role(role: str) -> LabRole:
    """Return the role of this name; raise FieldErrors where there is none."""
    if role not in LabRole.values:
        raise FieldErrors({"role": "Choose publisher, reviewer or administrator."})
    return LabRole(role)


def seat_in_lab(*, actor: User, lab: Namespace, user: User, role: LabRole, now: datetime) -> bool:
    """Give a role within the transaction of a service that has checked the actor.

    Return False where the person has it already.
    """
    if has_role(user, lab, role):
        return False
    teams = teams_of(_locked_repos(lab))
    if role == LabRole.PUBLISHER:
        let_publish(actor=actor, namespace=lab, user=user, now=now)
    else:
        give_namespace_seat(actor=actor, namespace=lab, user=user, role=role, now=now)
    require_still_able(teams, field="role", now=now)
    if user != actor:
        letters.send_role_given(user, lab, role.label, now)
    return True


@transaction.atomic
def take_role(*, actor: User, namespace_id: int, username: str, role: str, now: datetime) -> None:
    """Take a role in a lab. Raise FieldErrors where a team needs the person; again is harmless."""
    lab, chosen = lock_lab(actor, namespace_id), require_role(role)
    user = User.objects.filter(username__iexact=username).first()
    if user is None:
        raise FieldErrors({"username": "No account has that username."})
    if not has_role(user, lab, chosen):
        return
    teams = teams_of(_locked_repos(lab))
    if chosen == LabRole.PUBLISHER:
        stop_publishing(actor=actor, namespace=lab, user=user, now=now)
    else:
        _end_chairs(actor, lab, user, now)
        take_namespace_seat(actor=actor, namespace=lab, user=user, now=now)
    require_still_able(teams, field="username", now=now)


def _end_chairs(actor: User, lab: Namespace, user: User, now: datetime) -> None:
    """Leave gates without a chair where this person chairs by the seat that is about to end."""
    chaired = ModelRepo.objects.filter(namespace=lab, gate_settings__chair=user)
    for repo in chaired.exclude(team__user=user).select_related("namespace"):
        end_chair(repo, user.pk, actor=actor, now=now)


def has_role(user: User, lab: Namespace, role: LabRole) -> bool:
    """Tell whether a person has exactly this role in a lab."""
    if role == LabRole.PUBLISHER:
        return NamespaceRole.objects.filter(namespace=lab, user=user).exists()
    return NamespaceSeat.objects.filter(namespace=lab, user=user, role=role).exists()


def consequences(user: User, lab: Namespace, role: LabRole) -> list[str]:
    """Say what taking a role would change for this person, before it is taken."""
    if role != LabRole.PUBLISHER:
        return _without_the_seat(user, lab)
    if user.is_superuser:
        return [
            f"They leave the publishers of {lab.name}. As an operator they still publish in each "
            "lab, and change its models."
        ]
    models_count = counted(_repos_of(lab).count(), "model")
    return [
        f"They can no longer publish in {lab.name}, nor change its {models_count}.",
        TOKENS_STOP,
    ]


def _without_the_seat(user: User, lab: Namespace) -> list[str]:
    """Say what ends with a seat in a lab; seats on single models stay, with what hangs on them."""
    seats = TeamMember.objects.filter(user=user, repo__in=_repos_of(lab)).select_related("repo")
    lost = _repos_of(lab).exclude(pk__in=seats.values("repo"))
    undecided = AccessRequest.objects.undecided().filter(repo__in=lost)
    assigned = Assignment.objects.filter(reviewer=user, ended_at=None, request__in=undecided)
    votes = undecided.filter(reviews__reviewer=user, reviews__voided_at=None).distinct()
    chaired = lost.filter(gate_settings__chair=user)
    texts = [_closed_to_them(lost.count(), bool(seats))]
    if own := [f"{seat.repo.name} ({seat.get_role_display().lower()})" for seat in seats]:
        texts.append(f"By seats of their own they stay on the team of {', '.join(own)}.")
    if cases := assigned.count():
        texts.append(f"{counted(cases, 'open request')} stay assigned to them.")
    if cast := votes.count():
        texts.append(f"Their votes on {counted(cast, 'open request')} no longer count.")
    if gates := chaired.count():
        texts.append(f"{counted(gates, 'gate')} they chair will have no chair.")
    return [*texts, TOKENS_STOP]


def _closed_to_them(number: int, has_other_seats: bool) -> str:
    models_count = counted(number, "other model" if has_other_seats else "model")
    of_which = f"{models_count} here" if has_other_seats else f"its {models_count}"
    return f"They can no longer open the requests of {of_which}, those to come included."


def _repos_of(lab: Namespace) -> QuerySet[ModelRepo]:
    return ModelRepo.objects.filter(namespace=lab, deleted_at=None)


def _locked_repos(lab: Namespace) -> list[ModelRepo]:
    """Lock the lab's models, so that two changes at once don't make what neither may alone."""
    repos = ModelRepo.objects.select_for_update(of=("self",), no_key=True).filter(
        namespace=lab, deleted_at=None
    )
    return list(repos.select_related("namespace").order_by("pk"))
