"""Collections: read by anybody, made and changed by those who publish in their lab."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.access.grants.collections.adding import add_model, grants_to_extend
from portal.accounts.models import Namespace
from portal.api.base.permissions import AllowAny, HasPublishScope
from portal.api.base.schema import example
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.collections.serializers import (
    AddedModelOutput,
    AddModelInput,
    CollectionChanges,
    CollectionDetailOutput,
    CollectionInput,
    CollectionOutput,
    LabCollectionOutput,
)
from portal.catalog.collections.changes import (
    change_collection,
    create_collection,
    model_named,
    order_models,
    remove_model,
)
from portal.catalog.collections.deleting import delete_collection
from portal.catalog.collections.reading import (
    collection_named,
    collections_of_lab,
    visible_collections,
)
from portal.catalog.errors import CollectionNotFound, MayNotPublish
from portal.catalog.models import Collection
from portal.errors import Forbidden, NotFound

EXAMPLE = {
    "slug": "opt",
    "title": "OPT family",
    "lead": "opt-175b",
    "models": ["opt-66b", "opt-175b"],
    "on_add": "extend",
}


@extend_schema_view(get=extend_schema(operation_id="list_collections"))
class CollectionListView(ApiListView):
    """List the collections with a model that the caller may see."""

    permission_classes = [AllowAny]
    serializer_class = CollectionOutput

    def get_queryset(self) -> QuerySet[Collection]:
        return visible_collections(self.caller.person)


@extend_schema_view(get=extend_schema(operation_id="show_collection"))
class CollectionView(ApiRetrieveView):
    """Show a collection with its models and their gates."""

    permission_classes = [AllowAny]
    serializer_class = CollectionDetailOutput

    def get_object(self) -> Collection:
        names = self.kwargs["namespace"], self.kwargs["slug"]
        return collection_named(*names, self.caller.person)


class CollectionsMixin(ApiView):
    """A view of a lab's collections, for those who publish there."""

    permission_classes = write_permission_classes = [HasPublishScope]

    def get_lab(self) -> Namespace:
        """Return the lab. Raise NotFound where there is none, Forbidden to others than its own."""
        lab = Namespace.objects.filter(name__iexact=self.kwargs["namespace"]).first()
        if lab is None:
            raise NotFound("There’s no such lab.")
        if not Namespace.objects.publishable_by(self.user).filter(pk=lab.pk).exists():
            raise MayNotPublish(f"Only the people who publish in {lab.name} change this.")
        if self.is_for_some_models:
            raise Forbidden("This token is for some models. Make one for all, to change these.")
        return lab

    def get_collection(self) -> Collection:
        own = collections_of_lab(self.get_lab())
        collection = own.filter(slug__iexact=self.kwargs["slug"]).first()
        if collection is None:
            raise CollectionNotFound
        return collection

    def show_collection(self, collection: Collection, status: int = 200) -> Response:
        context = self.get_serializer_context()
        return Response(CollectionDetailOutput(collection, context=context).data, status=status)


@extend_schema_view(get=extend_schema(operation_id="list_lab_collections"))
class LabCollectionListView(CollectionsMixin, ApiListView):
    """List the collections of a lab."""

    serializer_class = CollectionOutput
    input_serializer_class = CollectionInput

    def get_queryset(self) -> QuerySet[Collection]:
        return collections_of_lab(self.get_lab())

    @extend_schema(
        operation_id="create_collection",
        responses={201: CollectionDetailOutput},
        examples=example(**EXAMPLE),
    )
    def post(self, request: Request, namespace: str) -> Response:
        """Make a collection of the lab's models."""
        lab = self.get_lab()
        collection = create_collection(
            actor=self.user, namespace=lab.name, now=self.now, **self.validated_data
        )
        return self.show_collection(collection, 201)


@extend_schema_view(get=extend_schema(operation_id="show_lab_collection"))
class LabCollectionView(CollectionsMixin, ApiRetrieveView):
    """Show a collection of a lab to those who publish there, and what deleting it would affect."""

    serializer_class = LabCollectionOutput
    input_serializer_class = CollectionChanges

    def get_object(self) -> Collection:
        return self.get_collection()

    @extend_schema(operation_id="change_collection", examples=example(on_add="ask"))
    def patch(self, request: Request, namespace: str, slug: str) -> Response:
        """Change a collection, or the order of its models. What stands is left as it is."""
        collection = self.get_collection()
        changes: dict[str, Any] = dict(self.validated_data)
        order = changes.pop("models", None)
        acting: dict[str, Any] = {
            "actor": self.user,
            "collection_id": collection.pk,
            "now": self.now,
        }
        with transaction.atomic():  # both or neither
            if order is not None:
                order_models(models=order, **acting)
            change_collection(**acting, **changes)
        return self.retrieve(request)

    @extend_schema(operation_id="delete_collection", responses={204: None})
    def delete(self, request: Request, namespace: str, slug: str) -> Response:
        """Delete a collection. Nobody's access ends, and no request; its models stay."""
        collection = self.get_collection()
        delete_collection(actor=self.user, collection_id=collection.pk, now=self.now)
        return Response(status=204)


class CollectionModelsView(CollectionsMixin):
    input_serializer_class = AddModelInput
    serializer_class = AddedModelOutput

    @extend_schema(operation_id="add_to_collection", examples=example(model="opt-66b"))
    def post(self, request: Request, namespace: str, slug: str) -> Response:
        """Add a model. Where the lab chose so, standing grants under its text open it too."""
        collection, data = self.get_collection(), self.validated_data
        repo = model_named(collection.namespace, data["model"], "model")
        if data["dry_run"]:
            extends = collection.on_add == Collection.OnAdd.EXTEND
            extended = grants_to_extend(collection, repo, self.now).count() if extends else 0
        else:
            added = add_model(
                actor=self.user, collection_id=collection.pk, model=repo.full_name, now=self.now
            )
            extended = added.extended
        facts = {"model": repo.full_name, "extended": extended, "dry_run": data["dry_run"]}
        return Response(AddedModelOutput(facts).data)


class CollectionModelView(CollectionsMixin):
    @extend_schema(operation_id="remove_from_collection", responses={204: None})
    def delete(self, request: Request, namespace: str, slug: str, name: str) -> Response:
        """Take a model out of a collection. Nobody's access ends."""
        collection = self.get_collection()
        repo = model_named(collection.namespace, name, "name")
        remove_model(actor=self.user, collection_id=collection.pk, repo_id=repo.pk, now=self.now)
        return Response(status=204)
