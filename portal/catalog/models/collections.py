"""Collections: models of one lab that are asked for together, such as the sizes of a family."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from portal.accounts.models import Namespace
from portal.accounts.names import validate_name
from portal.catalog.models.repos import ModelRepo
from portal.text.lines import LineField


class CollectionQuerySet(models.QuerySet["Collection"]):
    def standing(self) -> CollectionQuerySet:
        """Leave out deleted collections, of which requests and grants are left."""
        return self.filter(deleted_at=None)


class Collection(models.Model):
    """Models of one namespace that share a form, a team and a decision.

    ``lead``: the member whose request form, review team and gate settings serve all, and in whose
    queue their requests stand. ``on_add``: what a model that joins later means to those who hold
    access through the collection. One that was deleted keeps its row, since requests and grants
    came of it.
    """

    class OnAdd(models.TextChoices):
        EXTEND = "extend", "Open it to those who have access under the same licence text"
        ASK = "ask", "Let those who have access ask for it, with their answers kept"

    namespace = models.ForeignKey(Namespace, on_delete=models.PROTECT, related_name="collections")
    slug = models.CharField(max_length=96, validators=[validate_name])
    title = LineField(max_length=100)
    summary = LineField(max_length=300, blank=True)
    lead = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="leads")
    on_add = models.CharField(max_length=6, choices=OnAdd, default=OnAdd.ASK)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["namespace__name", "slug"]
        constraints = [
            models.UniqueConstraint(
                "namespace",
                Lower("slug"),
                condition=models.Q(deleted_at=None),
                name="collection_slug_any_case",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def full_name(self) -> str:
        return f"{self.namespace.name}/{self.slug}"

    @property
    def path(self) -> str:
        return f"/collections/{self.full_name}"

    @property
    def is_standing(self) -> bool:
        return self.deleted_at is None


class CollectionMemberQuerySet(models.QuerySet["CollectionMember"]):
    def standing(self) -> CollectionMemberQuerySet:
        """Select the models that are in their collection today."""
        return self.filter(left_at=None)


class CollectionMember(models.Model):
    """A repo's time in a collection. One that left keeps its row, since grants came of it."""

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="members")
    repo = models.ForeignKey(ModelRepo, on_delete=models.PROTECT, related_name="collection_members")
    position = models.PositiveSmallIntegerField()
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    left_at = models.DateTimeField(null=True)
    left_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = CollectionMemberQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["repo"], condition=models.Q(left_at=None), name="in_one_collection"
            )
        ]

    def __str__(self) -> str:
        return f"{self.repo} in {self.collection}"
