"""The serializers of collections."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.access.gate.effects import effects_of_deleting_collection
from portal.api.base.fields import SingleLineField, StrictBooleanField
from portal.api.base.serializers import Input, Output
from portal.api.catalog.settings_serializers import EffectOutput
from portal.catalog.collections.changes import MOST_MODELS
from portal.catalog.collections.reading import members_of
from portal.catalog.models import Collection, ModelRepo

NAME = "The model’s name, with or without the lab’s."


class CollectionModelOutput(serializers.ModelSerializer[ModelRepo]):
    """A model of a collection, with its gates."""

    name = serializers.CharField(source="full_name")

    class Meta:
        model = ModelRepo
        fields = ("name", "summary", "parameters", "download_gate", "inference_gate", "hosted")


class CollectionOutput(serializers.ModelSerializer[Collection]):
    """A collection. ``on_add``: what a model that joins later means to those who have access."""

    name = serializers.CharField(source="full_name")
    lead = serializers.CharField(source="lead.full_name")

    class Meta:
        model = Collection
        fields: tuple[str, ...] = ("name", "title", "summary", "lead", "on_add", "created_at")


class CollectionDetailOutput(CollectionOutput):
    """With its models, in the lab's order, as far as the caller may see them."""

    models = serializers.SerializerMethodField()

    class Meta(CollectionOutput.Meta):
        fields = (*CollectionOutput.Meta.fields, "models")

    @extend_schema_field(CollectionModelOutput(many=True))
    def get_models(self, collection: Collection) -> Any:
        members = members_of(collection, self.context["view"].caller.person)
        return CollectionModelOutput(members, many=True).data


class LabCollectionOutput(CollectionDetailOutput):
    effects_of_deleting = serializers.SerializerMethodField(
        help_text="What goes on after the collection is deleted."
    )

    class Meta(CollectionDetailOutput.Meta):
        fields = (*CollectionDetailOutput.Meta.fields, "effects_of_deleting")

    @extend_schema_field(EffectOutput(many=True))
    def get_effects_of_deleting(self, collection: Collection) -> Any:
        effects = effects_of_deleting_collection(collection, self.context["view"].now)
        return EffectOutput(effects, many=True).data


class ModelNames(serializers.ListField):
    def __init__(self, **options: Any) -> None:
        super().__init__(child=SingleLineField(), max_length=MOST_MODELS, **options)


class CollectionInput(Input):
    """A new collection. The lead is one of its models in any case."""

    slug = SingleLineField(help_text="The second part of its address; it stays.")
    title = SingleLineField(max_length=100)
    summary = SingleLineField(max_length=300, required=False)
    lead = SingleLineField(help_text=NAME)
    models = ModelNames(required=False, help_text="In the order of its page.")
    on_add = serializers.ChoiceField(choices=Collection.OnAdd.choices, required=False)


class CollectionChanges(Input):
    """The changes of a collection; ``models`` puts those that are in it in another order."""

    title = SingleLineField(max_length=100, required=False)
    summary = SingleLineField(max_length=300, required=False)
    lead = SingleLineField(required=False, help_text=NAME)
    on_add = serializers.ChoiceField(choices=Collection.OnAdd.choices, required=False)
    models = ModelNames(required=False)


class AddModelInput(Input):
    model = SingleLineField(help_text=NAME)
    dry_run = StrictBooleanField(
        default=False, help_text="Count the grants that would be extended, and change nothing."
    )


class AddedModelOutput(Output):
    """A model that has joined, or would, and how many standing grants open it too."""

    model = serializers.CharField()
    extended = serializers.IntegerField()
    dry_run = serializers.BooleanField()
