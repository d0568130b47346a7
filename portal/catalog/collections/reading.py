"""Read collections: the one of a repo, its members, and those that a person may see."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, QuerySet

from portal.accounts.models import Namespace, User
from portal.catalog.errors import CollectionNotFound
from portal.catalog.models import Collection, CollectionMember, ModelRepo

Reader = User | AnonymousUser | None


def collection_of(repo: ModelRepo) -> Collection | None:
    """Return the collection that a repo is in today, or None."""
    related = ("collection__namespace", "collection__lead__namespace")
    standing = CollectionMember.objects.standing().filter(
        repo=repo, collection__namespace=repo.namespace_id
    )
    member = standing.select_related(*related).first()
    return member.collection if member else None


def members_of(collection: Collection, reader: Reader) -> list[ModelRepo]:
    """Return the members that a person may see, in the lab's order.

    Of a deleted collection, those that were in it to the end: what was begun through it goes on.
    """
    visible = ModelRepo.objects.visible_to(reader or AnonymousUser())
    standing = collection.members.filter(left_at=collection.deleted_at)
    # A model that has moved to another namespace is no longer this lab's to offer.
    members = standing.filter(
        repo__in=visible.order_by().values("pk"), repo__namespace=collection.namespace_id
    )
    return [member.repo for member in members.select_related("repo__namespace", "repo__licence")]


def visible_collections(reader: Reader) -> QuerySet[Collection]:
    """Select the collections that have a member which the person may see."""
    visible = ModelRepo.objects.visible_to(reader or AnonymousUser())
    members = CollectionMember.objects.standing().filter(
        collection=OuterRef("pk"), repo__in=visible.order_by().values("pk")
    )
    collections: Any = Collection.objects.select_related("namespace", "lead__namespace")
    shown: QuerySet[Collection] = collections.filter(Exists(members), deleted_at=None)
    return shown


def collection_named(namespace: str, slug: str, reader: Reader) -> Collection:
    """Return a collection that the person may see. Raise CollectionNotFound for any other."""
    named = visible_collections(reader).filter(namespace__name__iexact=namespace)
    collection = named.filter(slug__iexact=slug).first()
    if collection is None:
        raise CollectionNotFound
    return collection


def collections_of_lab(namespace: Namespace) -> QuerySet[Collection]:
    collections = Collection.objects.standing().select_related("namespace", "lead__namespace")
    own: QuerySet[Collection] = collections.filter(namespace=namespace)
    return own
