from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models

if TYPE_CHECKING:
    from portal.accounts.models import User
    from portal.accounts.tokens.authentication import Caller


M = TypeVar("M", bound=models.Model)


HIDDEN_AT = "hidden_at"  # of a Revision; asked for in this module alone


def shown(through: str = "") -> models.Q:
    """Select rows of shown revisions; ``through`` is the relation that leads to a revision."""
    lookup = "__".join(filter(None, (through, HIDDEN_AT, "isnull")))
    return models.Q(**{lookup: True})


class RevisionQuerySet(models.QuerySet[M]):
    def hide(self, now: datetime) -> int:
        """Stop serving those that are still shown. Return how many they were."""
        return self.filter(shown()).update(**{HIDDEN_AT: now})

    def show(self) -> int:
        """Serve again those that were hidden. Return how many they were."""
        return self.exclude(shown()).update(**{HIDDEN_AT: None})


class ShownRevisions(models.Manager[M]):
    """The revisions that may be listed and served; every look-up by a name uses them."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(shown())


class FilesOfShownRevisions(models.Manager[M]):
    """The files that may be listed and served, each with its revision."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(shown("revision"))


class LicenceVersionQuerySet(models.QuerySet[M]):
    def update(self, **changes: Any) -> NoReturn:
        """Refuse: a published text never changes. What SQL changes no longer fits its sha256."""
        raise TypeError("A licence version never changes. Publish a new one.")

    def delete(self) -> NoReturn:
        raise TypeError("A licence version is never deleted.")

    def in_force_at(self, now: datetime) -> LicenceVersionQuerySet[M]:
        """Filter to versions that have come into force, newest first: the first is signed today."""
        return self.filter(effective_at__lte=now).order_by("-effective_at", "-pk")


class ModelRepoQuerySet(models.QuerySet[M]):
    def named(self, full_name: str) -> ModelRepoQuerySet[M]:
        """Filter to the repo that bears this name today; a deleted repo bears none."""
        namespace, _, name = full_name.partition("/")
        return self.filter(
            namespace__name__iexact=namespace, name__iexact=name, deleted_at__isnull=True
        )

    def with_names(self) -> ModelRepoQuerySet[M]:
        return self.select_related("namespace", "licence")

    def publishable_by(self, user: User | Any) -> ModelRepoQuerySet[M]:
        """Filter to repos in namespaces where this person may publish; superusers may in all."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(namespace__roles__user=user)

    def owned_by(self, user: User | Any) -> ModelRepoQuerySet[M]:
        """Filter to repos that this person owns: whoever may publish them answers for them."""
        return self.publishable_by(user)

    def reviewable_by(self, user: User | Any) -> ModelRepoQuerySet[M]:
        """Filter to repos on whose review team this person sits."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.filter(team__user=user)

    def administered_by(self, user: User | Any) -> ModelRepoQuerySet[M]:
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(
            models.Q(team__user=user, team__role="administrator")
            | models.Q(namespace__roles__user=user)
        ).distinct()

    def visible_to(self, user: User | Any) -> ModelRepoQuerySet[M]:
        """Filter to public repos and the private ones of this person's teams and namespaces."""
        standing = self.filter(deleted_at__isnull=True)
        if not user.is_authenticated or not user.is_active:
            return standing.filter(private=False)
        if user.is_superuser:
            return standing
        inside = models.Q(team__user=user) | models.Q(namespace__roles__user=user)
        return standing.filter(models.Q(private=False) | inside).distinct()

    def visible_through(self, caller: Caller) -> ModelRepoQuerySet[M]:
        """Filter to repos the caller may know of; a token for some shows no other private ones."""
        visible = self.visible_to(caller.person or AnonymousUser())
        if caller.token is None or caller.token.repo_ids is None:
            return visible
        return visible.filter(models.Q(private=False) | models.Q(pk__in=caller.token.repo_ids))
