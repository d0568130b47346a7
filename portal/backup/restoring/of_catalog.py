"""Repeat what closed models, or took them away."""

from __future__ import annotations

from typing import Any

from portal.backup.restoring.ending import Ending
from portal.catalog.models import Gate, ModelRepo
from portal.catalog.services.renaming import delete_repo
from portal.catalog.services.repos import configure_repo
from portal.errors import Conflict

STRICTNESS = {Gate.OPEN: 0, Gate.LICENCE: 1, Gate.REVIEW: 2}
GATES = ("download_gate", "inference_gate")


def narrow_repo(ending: Ending) -> bool:
    """Close what a change of settings has closed; what it opened stays as it is in the backup."""
    repo = ModelRepo.objects.filter(pk=ending.target_id, deleted_at=None).first()
    narrowed = _narrowed(repo, ending.data.get("changed", {})) if repo else {}
    if not narrowed:
        return False
    configure_repo(actor=ending.operator, repo_id=ending.target_id, now=ending.now, **narrowed)
    return True


def _narrowed(repo: ModelRepo, changed: dict[str, str]) -> dict[str, Any]:
    narrowed: dict[str, Any] = {
        name: Gate(changed[name])
        for name in GATES
        if name in changed and STRICTNESS[Gate(changed[name])] > STRICTNESS[getattr(repo, name)]
    }
    if changed.get("private") == "True" and not repo.private:
        narrowed["private"] = True
    return narrowed


def delete_again(ending: Ending) -> bool:
    if not ModelRepo.objects.filter(pk=ending.target_id, deleted_at=None).exists():
        return False
    delete_repo(actor=ending.operator, repo_id=ending.target_id, now=ending.now)
    return True


def ask_to_look(ending: Ending) -> bool:
    """Raise Conflict: which revisions a squash hid, only their publisher can say."""
    repo = ending.data.get("repo", "a model")
    raise Conflict(f"the history of {repo} was squashed; squash it again")
