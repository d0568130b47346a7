"""Name a gate's chair: the one person of its team who decides where the votes differ."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.models import GateSettings
from portal.access.policy.administering import lock_administered_repo
from portal.access.policy.contacts import team_members
from portal.access.policy.gate_settings import settings_of
from portal.accounts.affiliations import find_person
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.models import ModelRepo
from portal.errors import FieldErrors


@transaction.atomic
def choose_chair(*, actor: User, repo_id: int, person: str, now: datetime) -> GateSettings:
    """Name the chair, by username or confirmed address; "" for none.

    Raise FieldErrors for somebody who isn't on the team.
    """
    repo = lock_administered_repo(actor, repo_id)
    chair = _team_member(repo, person.strip()) if person.strip() else None
    settings = settings_of(repo)
    if settings.chair == chair:
        return settings
    settings.chair, settings.updated_by, settings.updated_at = chair, actor, now
    settings.save()
    facts = {"changed": {"chair": chair is not None}, "user": chair.pk if chair else None}
    record(EventType.GATE_CONFIGURED, actor=actor, target=repo, at=now, **facts)
    return settings


def end_chair(repo: ModelRepo, person_id: int, *, actor: User, now: datetime) -> None:
    """Leave the gate without a chair where this person was it, as they have left the team."""
    if settings_of(repo).chair_id == person_id:
        choose_chair(actor=actor, repo_id=repo.pk, person="", now=now)


def _team_member(repo: ModelRepo, name: str) -> User:
    person = find_person(name)
    if person is None:
        raise FieldErrors({"chair": "Nobody here has that username or confirmed e-mail address."})
    if not team_members(repo).filter(pk=person.pk).exists():
        raise FieldErrors({"chair": "The chair is one of the team. Add them to the team first."})
    return person
