"""Add a model to a collection, and open it to those who have access, where the lab chose that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from portal.access.grants.activation import extend_grant
from portal.access.grants.audit.facts import facts_of_coverage
from portal.access.grants.locks import line_of, lock_lines
from portal.access.letters import grants as letters
from portal.access.lifecycle import is_active
from portal.access.models import Coverage, Grant
from portal.access.policy.conditions import Conditions
from portal.access.requests.narrowing import ModelTerms, Narrowing, narrow
from portal.accounts.models import User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.collections.changes import (
    join_collection,
    lock_collection,
    model_named,
    standing_members,
)
from portal.catalog.models import Collection, CollectionMember, Gate, Mode, ModelRepo
from portal.catalog.services.licences import version_in_force


@dataclass(frozen=True)
class AddedModel:
    """A model that has joined, and the number of grants that open it too since then."""

    member: CollectionMember
    extended: int


@transaction.atomic
def add_model(*, actor: User, collection_id: int, model: str, now: datetime) -> AddedModel:
    """Add a model by its name. Where the lab chose so, the grants under its text open it too.

    None becomes wider than its own conditions, and each holder gets a letter. Adding a model again
    changes nothing.
    """
    collection = lock_collection(actor, collection_id)
    repo = model_named(collection.namespace, model, "model")
    is_new = not standing_members(collection).filter(repo=repo).exists()
    member = join_collection(actor=actor, collection=collection, repo=repo, now=now)
    if not is_new or collection.on_add != Collection.OnAdd.EXTEND:
        return AddedModel(member, 0)
    return AddedModel(member, _extend(collection, repo, actor, now))


def grants_to_extend(collection: Collection, repo: ModelRepo, now: datetime) -> Any:
    """Select the grants that a model would be open to, if it joined the collection now.

    They are signed, not over, through this collection and under the text in force for the model.
    """
    version = version_in_force(repo, now)
    through: Any = Grant.objects.filter(
        collection=collection, acceptance__licence_version=version, acceptance__isnull=False
    )
    grants = through.lasting_at(now).exclude(pk__in=_covered_before(repo))
    return grants.filter(modes__overlap=_gated_modes(repo)) if version else grants.none()


def _covered_before(repo: ModelRepo) -> Any:
    """Select the grants that cover a model, or did until the lab ended that."""
    return Coverage.objects.filter(repo=repo).order_by().values("grant")


def _gated_modes(repo: ModelRepo, *gates: Gate) -> list[str]:
    return [str(mode) for mode in Mode if repo.gate(mode) in (gates or (Gate.LICENCE, Gate.REVIEW))]


def _extend(collection: Collection, repo: ModelRepo, actor: User, now: datetime) -> int:
    """Extend the grants, each locked after its line. Return how many were."""
    grants = grants_to_extend(collection, repo, now)
    lock_lines(list(grants.values_list("pk", flat=True)))
    related = ("repo__namespace", "person", "collection", "acceptance", "parent")
    locked = (
        grants.select_for_update(of=("self",), no_key=True).select_related(*related).order_by("pk")
    )
    return sum(_extend_one(grant, repo, actor, now) for grant in list(locked))


def _extend_one(grant: Grant, repo: ModelRepo, actor: User, now: datetime) -> bool:
    terms = _terms(grant, repo)
    if not terms.modes or not extend_grant(grant, terms, now):
        return False
    facts = {"repo": repo.pk, **facts_of_coverage(grant)}
    record(EventType.GRANT_EXTENDED, actor=actor, target=grant, at=now, **facts)
    if is_active(grant, now):  # one that begins later follows one that is active, and was told
        letters.send_extended(grant, repo, now=now)
    return True


def _terms(grant: Grant, repo: ModelRepo) -> ModelTerms:
    """Return the terms common to all models of a grant, in the modes that it may open of this one.

    What a signature alone gave, opens nothing that people decide on.
    """
    first = line_of(grant)[0]
    was_decided = first.decision_id is not None or first.offered_at is not None
    gates = (Gate.LICENCE, Gate.REVIEW) if was_decided else (Gate.LICENCE,)
    offered = _gated_modes(repo, *gates)
    common = Conditions.of(grant.conditions)
    return narrow(repo, grant.modes, common, Narrowing(), offered=offered)
