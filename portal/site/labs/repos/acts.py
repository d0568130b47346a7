"""Rename and delete models for pages, the API and commands, or only try to."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from portal.access.gate.effects import Effect
from portal.accounts.models import User
from portal.catalog.collections.leaving import collection_led_by
from portal.catalog.errors import LeadsCollection
from portal.catalog.models import ModelRepo
from portal.catalog.services.renaming import delete_repo, move_repo
from portal.errors import FieldErrors
from portal.site.labs.repos.effects import what_deleting_does, what_moving_does


def rename(
    *,
    actor: User,
    repo: ModelRepo,
    namespace: str,
    name: str,
    now: datetime,
    dry_run: bool = False,
) -> list[Effect]:
    """Give a model another name, and return what that does; a dry run changes nothing."""
    effects = what_moving_does(repo, now)
    with transaction.atomic():
        move_repo(actor=actor, repo_id=repo.pk, namespace=namespace, name=name, now=now)
        transaction.set_rollback(dry_run)
    return effects


def delete(
    *, actor: User, repo: ModelRepo, confirm: str, now: datetime, dry_run: bool = False
) -> list[Effect]:
    """Delete a model, and return what that does; a dry run changes nothing.

    ``confirm`` is its whole name, typed by who deletes it; a dry run takes none. Raise FieldErrors
    for another name.
    """
    if led := collection_led_by(repo.pk):
        raise LeadsCollection(repo.full_name, led)
    if not dry_run and confirm.strip() != repo.full_name:
        raise FieldErrors({"confirm": f"Type the whole name, {repo.full_name}, to delete it."})
    effects = what_deleting_does(repo, now)
    with transaction.atomic():
        delete_repo(actor=actor, repo_id=repo.pk, now=now)
        transaction.set_rollback(dry_run)
    return effects
