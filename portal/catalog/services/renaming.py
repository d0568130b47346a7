"""Rename and delete repos. Their rows stay: grants, signatures and events name them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.collections.leaving import leave_collection, lock_collections_of
from portal.catalog.errors import RepoInUse, RepoNotFound
from portal.catalog.models import FormerName, ModelRepo
from portal.catalog.services.repos import (
    locked_for_publishing,
    locked_namespace,
    require_free,
    require_may_publish,
    require_valid,
    settings_url,
)
from portal.errors import FieldErrors


@transaction.atomic
def move_repo(*, actor: User, repo_id: int, namespace: str, name: str, now: datetime) -> ModelRepo:
    """Give a repo another name, where the actor may publish both; the old one leads to it.

    Grants, requests and signatures are of the repo, not of its name, and stay.
    """
    place = locked_namespace(namespace)
    lock_collections_of(repo_id)
    repo = _locked(actor, repo_id)
    require_may_publish(actor, place)
    former, former_place = repo.full_name, repo.namespace
    if former == f"{place.name}/{name}":
        raise FieldErrors({"name": "It has that name already. Give another one."})
    if place != former_place:
        leave_collection(actor=actor, repo=repo, now=now)
    # A change of letter case alone needs no other name: names are compared without case.
    if (place, name.lower()) != (former_place, repo.name.lower()):
        require_free(actor, place, name, repo=repo)
        _remember(repo)
    FormerName.objects.filter(namespace=place, name__iexact=name).delete()
    repo.namespace, repo.name = place, name
    require_valid(repo, now)
    repo.save(update_fields=["namespace", "name"])
    record(
        EventType.REPO_MOVED,
        actor=actor,
        target=repo,
        at=now,
        moved_from=former,
        moved_to=repo.full_name,
    )
    return repo


@transaction.atomic
def give_up_name(*, actor: User, namespace: str, name: str, now: datetime) -> None:
    """Free a name that a repo bore before, so that another repo may take it.

    It takes the right to publish in the name's namespace. Raises RepoNotFound for a name that leads
    nowhere.
    """
    place = locked_namespace(namespace)
    require_may_publish(actor, place)
    former = FormerName.objects.filter(namespace=place, name__iexact=name).select_related("repo")
    former_name = former.first()
    if former_name is None:
        raise RepoNotFound(f"{place.name}/{name} is no name that a model has moved away from.")
    former_name.delete()
    record(
        EventType.NAME_GIVEN_UP,
        actor=actor,
        target=former_name.repo,
        at=now,
        name=f"{place.name}/{former_name.name}",
    )


def _remember(repo: ModelRepo) -> None:
    FormerName.objects.filter(namespace=repo.namespace, name__iexact=repo.name).delete()
    FormerName.objects.create(namespace=repo.namespace, name=repo.name, repo=repo)


@transaction.atomic
def delete_repo(*, actor: User, repo_id: int, now: datetime) -> None:
    """Mark a repo as deleted, so that nobody finds it. Its records and files stay.

    It leaves its collection. Raises LeadsCollection for one that leads it.
    """
    lock_collections_of(repo_id)
    repo = _locked(actor, repo_id)
    leave_collection(actor=actor, repo=repo, now=now)
    repo.deleted_at = now
    repo.save(update_fields=["deleted_at"])
    repo.former_names.all().delete()
    record(EventType.REPO_DELETED, actor=actor, target=repo, at=now, name=repo.full_name)


def _locked(actor: User, repo_id: int) -> ModelRepo:
    """Lock a repo to rename or delete it.

    Raises RepoInUse for a hosted one: a worker serves it by its name.
    """
    repo = locked_for_publishing(actor, repo_id)
    if repo.hosted:
        raise RepoInUse(
            f"{repo.full_name} is served as hosted inference, by its name. End that first, in its "
            f"settings: {settings_url(repo)}"
        )
    return repo
