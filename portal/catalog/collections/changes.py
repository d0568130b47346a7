"""Make and change collections, as those who publish in their namespace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, QuerySet

from portal.accounts.models import Namespace, User
from portal.audit.events import EventType
from portal.audit.services import record
from portal.catalog.collections.leaving import end_membership
from portal.catalog.collections.reading import collections_of_lab
from portal.catalog.errors import CollectionNotFound, CollectionTaken, RepoNotFound
from portal.catalog.models import Collection, CollectionMember, ModelRepo
from portal.catalog.services.repos import locked_namespace, require_may_publish
from portal.errors import FieldErrors

CHANGEABLE = frozenset({"title", "summary", "on_add", "lead"})
MOST_MODELS = 100
_NAMED = ("repo__namespace", "collection__namespace")
LEAD_STAYS = "The lead can’t leave: its form and team serve all. Choose another lead first."
NOT_A_MEMBER = "The lead is one of the collection’s models. Add this model first."


@transaction.atomic
def create_collection(
    *,
    actor: User,
    namespace: str,
    slug: str,
    title: str,
    lead: str,
    now: datetime,
    models: Sequence[str] = (),
    summary: str = "",
    on_add: str = Collection.OnAdd.ASK,
) -> Collection:
    """Make a collection of these models, by their names; the lead is one of them in any case.

    Raise MayNotPublish, FieldErrors, or CollectionTaken for a name that is in use.
    """
    place = locked_namespace(namespace)
    require_may_publish(actor, place)
    if collections_of_lab(place).filter(slug__iexact=slug).exists():
        taken = f"There is a collection {place.name}/{slug} already. Choose another name."
        raise CollectionTaken({"slug": taken})
    leading = model_named(place, lead, "lead")
    members = [model_named(place, name, "models") for name in models]
    collection = Collection(
        namespace=place,
        slug=slug,
        title=title,
        summary=summary,
        lead=leading,
        on_add=on_add,
        created_at=now,
    )
    _require_valid(collection)
    collection.save()
    facts = {"name": collection.full_name, "on_add": on_add, "lead": leading.pk}
    record(EventType.COLLECTION_CREATED, actor=actor, target=collection, at=now, **facts)
    ordered = members if leading in members else [leading, *members]
    for repo in dict.fromkeys(ordered):
        join_collection(actor=actor, collection=collection, repo=repo, now=now)
    return collection


def model_named(namespace: Namespace, name: str, field: str) -> ModelRepo:
    """Return a lab's model by its name, with or without the lab's. Raise FieldErrors otherwise."""
    full_name = name if "/" in name else f"{namespace.name}/{name}"
    repo = ModelRepo.objects.named(full_name).with_names().filter(namespace=namespace).first()
    if repo is None:
        raise FieldErrors({field: f"{namespace.name} has no model “{name}”. Name one of its own."})
    return repo


def _require_valid(collection: Collection) -> None:
    try:
        collection.full_clean()
    except ValidationError as error:
        raise FieldErrors(
            {field: " ".join(texts) for field, texts in error.message_dict.items()}
        ) from error


def lock_collection(actor: User, collection_id: int) -> Collection:
    """Lock a collection for somebody who publishes in its namespace.

    Raise CollectionNotFound where there is none, MayNotPublish to anybody else.
    """
    locked = Collection.objects.standing().select_for_update(of=("self",), no_key=True)
    related = locked.select_related("namespace", "lead__namespace")
    collection = related.filter(pk=collection_id).first()
    if collection is None:
        raise CollectionNotFound
    require_may_publish(actor, collection.namespace)
    return collection


@transaction.atomic
def change_collection(
    *, actor: User, collection_id: int, now: datetime, **changes: Any
) -> Collection:
    """Change the title, summary, lead or what a later model does; record what differs.

    Requests and grants that stand keep the lead that they were made under.
    """
    if unknown := set(changes) - CHANGEABLE:
        raise TypeError(f"not a setting of a collection: {', '.join(sorted(unknown))}")
    collection = lock_collection(actor, collection_id)
    if "lead" in changes:
        changes["lead"] = _new_lead(collection, changes["lead"])
    changed = {key: new for key, new in changes.items() if getattr(collection, key) != new}
    if not changed:
        return collection
    for key, value in changed.items():
        setattr(collection, key, value)
    _require_valid(collection)
    collection.save()
    words = {key: str(value) for key, value in changed.items()}
    record(EventType.COLLECTION_CHANGED, actor=actor, target=collection, at=now, changed=words)
    return collection


def _new_lead(collection: Collection, name: str) -> ModelRepo:
    repo = model_named(collection.namespace, name, "lead")
    if not standing_members(collection).filter(repo=repo).exists():
        raise FieldErrors({"lead": NOT_A_MEMBER})
    return repo


def standing_members(collection: Collection) -> QuerySet[CollectionMember]:
    """Select the rows of the models that are in a collection today, in its order."""
    return CollectionMember.objects.standing().filter(collection=collection)


def join_collection(
    *, actor: User, collection: Collection, repo: ModelRepo, now: datetime
) -> CollectionMember:
    """Add a model at the end of a locked collection. One that is in it already stays there.

    What it means to those who hold access, ``add_model`` of the gate decides.
    """
    ModelRepo.objects.select_for_update(of=("self",), no_key=True).get(pk=repo.pk)
    _require_free(collection, repo)
    standing = standing_members(collection)
    if member := standing.filter(repo=repo).first():
        return member
    if standing.count() >= MOST_MODELS:
        raise FieldErrors({"models": f"A collection takes {MOST_MODELS} models at most."})
    last = standing.aggregate(last=Max("position"))["last"]
    member = CollectionMember.objects.create(
        collection=collection,
        repo=repo,
        position=0 if last is None else last + 1,
        added_at=now,
        added_by=actor,
    )
    record(
        EventType.COLLECTION_MODEL_ADDED,
        actor=actor,
        target=collection,
        at=now,
        repo=repo.pk,
        name=repo.full_name,
        on_add=collection.on_add,
    )
    return member


def _require_free(collection: Collection, repo: ModelRepo) -> None:
    """Raise for a model of another namespace, or one that is in another collection."""
    if repo.namespace_id != collection.namespace_id or repo.deleted_at is not None:
        raise RepoNotFound(f"{repo.full_name} isn’t a model of {collection.namespace.name}.")
    elsewhere = CollectionMember.objects.standing().filter(repo=repo)
    present = elsewhere.exclude(collection=collection).select_related("collection").first()
    if present is not None:
        taken = (
            f"{repo.full_name} is in “{present.collection.title}” already; a model is in one "
            "collection at a time. Remove it there first."
        )
        raise CollectionTaken({"models": taken})


@transaction.atomic
def remove_model(*, actor: User, collection_id: int, repo_id: int, now: datetime) -> Collection:
    """Take a model out of a collection. It ends nobody's access; removing again changes nothing.

    New requests don't offer it any more; those that chose it are decided as they stand.
    """
    collection = lock_collection(actor, collection_id)
    member = standing_members(collection).filter(repo=repo_id).select_related(*_NAMED).first()
    if member is None:
        return collection
    if collection.lead_id == repo_id:
        raise FieldErrors({"model": LEAD_STAYS})
    end_membership(actor=actor, member=member, now=now)
    return collection


@transaction.atomic
def order_models(
    *, actor: User, collection_id: int, models: Sequence[str], now: datetime
) -> Collection:
    """Put the models in this order. Raise FieldErrors unless they are the members, once each."""
    collection = lock_collection(actor, collection_id)
    members = {
        member.repo.full_name: member
        for member in standing_members(collection).select_related("repo__namespace")
    }
    names = [name if "/" in name else f"{collection.namespace.name}/{name}" for name in models]
    if sorted(names) != sorted(members):
        raise FieldErrors({"models": "Name the models of the collection, each once, in order."})
    if names == list(members):
        return collection
    for position, name in enumerate(names):
        members[name].position = position
        members[name].save(update_fields=["position"])
    changed = {"order": names}
    record(EventType.COLLECTION_CHANGED, actor=actor, target=collection, at=now, changed=changed)
    return collection
