from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models

if TYPE_CHECKING:
    from portal.accounts.models import User
    from portal.accounts.tokens.authentication import Caller


M = TypeVar("M", bound=models.Model)


HIDDEN_AT = "hidden_at"  # of a Revision; both are asked for in this module alone
PASSED_AT = "passed_at"


def in_history(through: str = "") -> models.Q:
    """Select rows of revisions that aren't hidden, those in quarantine too.

    ``through`` is the relation that leads to a revision.
    """
    return models.Q(**{_lookup(through, HIDDEN_AT): True})


def shown(through: str = "") -> models.Q:
    """Select rows of revisions that everybody may see: not hidden, and out of quarantine."""
    return in_history(through) & models.Q(**{_lookup(through, PASSED_AT): False})


def _lookup(through: str, column: str) -> str:
    return "__".join(filter(None, (through, column, "isnull")))


class RevisionQuerySet(models.QuerySet[M]):
    def hide(self, now: datetime) -> int:
        """Stop serving those that are still in the history. Return how many they were."""
        return self.filter(in_history()).update(**{HIDDEN_AT: now})

    def show(self) -> int:
        """Take those that were hidden into the history again. Return how many they were."""
        return self.exclude(in_history()).update(**{HIDDEN_AT: None})

    def release(self, now: datetime) -> int:
        """Let those in quarantine out of it. Return how many they were."""
        return self.filter(**{_lookup("", PASSED_AT): True}).update(**{PASSED_AT: now})

    def passed(self) -> RevisionQuerySet[M]:
        """Filter to those that have passed their check, hidden ones too."""
        return self.filter(**{_lookup("", PASSED_AT): False})


class ShownRevisions(models.Manager[M]):
    """The revisions that may be listed and served; every look-up by a name uses them."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(shown())


class FilesOfShownRevisions(models.Manager[M]):
    """The files that may be listed and served, each with its revision."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(shown("revision"))


class LicenceQuerySet(models.QuerySet[M]):
    def published(self) -> LicenceQuerySet[M]:
        """Filter to licences with a text, in force or to come."""
        return self.filter(versions__isnull=False).distinct()

    def signable_at(self, now: datetime) -> LicenceQuerySet[M]:
        """Filter to licences with a text in force: a model may stand under them."""
        return self.filter(versions__effective_at__lte=now).distinct()

    def publishable_by(self, user: User | Any) -> LicenceQuerySet[M]:
        """Filter to licences of namespaces where this person may publish; superusers may all."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self if user.is_superuser else self.filter(namespace__roles__user=user)


class RevisionsInHistory(models.Manager[M]):
    """The revisions that a repo's publishers see, those in quarantine too."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(in_history())


class FilesInHistory(models.Manager[M]):
    """The files that a repo's publishers see, those in quarantine too."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(in_history("revision"))


class RevisionCheckQuerySet(models.QuerySet[M]):
    def to_do_at(self, now: datetime) -> RevisionCheckQuerySet[M]:
        """Filter to those that nobody works at, the longest waiting first.

        Nobody checks a revision that is hidden: its files are out of the history.
        """
        free = models.Q(lease_until=None) | models.Q(lease_until__lte=now)
        due = self.filter(free, in_history("revision"), state="checking")
        return due.order_by("received_at", "pk")

    def waiting_for_consent(self, repo: Any) -> RevisionCheckQuerySet[M]:
        """Filter to those of a repo that wait for nothing but consent, the oldest first."""
        waiting = self.filter(in_history("revision"), revision__repo=repo, state="consent")
        return waiting.order_by("received_at", "pk")

    def end_passed(self, now: datetime) -> None:
        """End the checks of revisions that have passed, however they did."""
        ended = {"state": "passed", "missing": [], "problems": [], "ended_at": now}
        self.update(**ended, lease_until=None)


class LicenceVersionQuerySet(models.QuerySet[M]):
    def update(self, **changes: Any) -> NoReturn:
        """Refuse: a published text never changes. What SQL changes no longer fits its sha256."""
        raise TypeError("A licence version never changes. Publish a new one.")

    def delete(self) -> NoReturn:
        raise TypeError("A licence version is never deleted.")

    def in_force_at(self, now: datetime) -> LicenceVersionQuerySet[M]:
        """Filter to versions that have come into force, newest first: the first is signed today."""
        return self.filter(effective_at__lte=now).order_by("-effective_at", "-pk")


def seated(user: User | Any, **role: str) -> models.Q:
    """Select repos on whose team a person sits, by a seat there or in the whole namespace."""
    # Subqueries, since two joins would repeat a repo for each pair of its seats.
    repos = user.team_memberships.filter(**role).values("repo")
    namespaces = user.namespace_seats.filter(**role).values("namespace")
    return models.Q(pk__in=repos) | models.Q(namespace__in=namespaces)


def published_in(user: User | Any) -> models.QuerySet[Any]:
    """Select the keys of the namespaces that a person has the right to publish in."""
    keys: models.QuerySet[Any] = user.namespace_roles.values("namespace")
    return keys


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
        return self.filter(seated(user))

    def administered_by(self, user: User | Any) -> ModelRepoQuerySet[M]:
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        return self.filter(
            seated(user, role="administrator") | models.Q(namespace__in=published_in(user))
        )

    def quarantine_open_to(self, caller: Caller) -> ModelRepoQuerySet[M]:
        """Filter to repos whose revisions in quarantine the caller may see.

        That is whoever may publish or administer them, by a token that is for them.
        """
        person = caller.person or AnonymousUser()
        own = self.administered_by(person)
        if caller.token is None or caller.token.repo_ids is None:
            return own
        return own.filter(pk__in=caller.token.repo_ids)

    def visible_to(self, user: User | Any) -> ModelRepoQuerySet[M]:
        """Filter to public repos and the private ones of this person's teams and namespaces."""
        standing = self.filter(deleted_at__isnull=True)
        if not user.is_authenticated or not user.is_active:
            return standing.filter(private=False)
        if user.is_superuser:
            return standing
        inside = seated(user) | models.Q(namespace__in=published_in(user))
        return standing.filter(models.Q(private=False) | inside)

    def visible_through(self, caller: Caller) -> ModelRepoQuerySet[M]:
        """Filter to repos the caller may know of; a token for some shows no other private ones."""
        visible = self.visible_to(caller.person or AnonymousUser())
        if caller.token is None or caller.token.repo_ids is None:
            return visible
        return visible.filter(models.Q(private=False) | models.Q(pk__in=caller.token.repo_ids))
