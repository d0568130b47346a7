"""Holds, by whom and what they stop."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from portal.accounts.models import Affiliation
from portal.catalog.models import ModelRepo, Revision

if TYPE_CHECKING:
    from portal.accounts.models import User

M = TypeVar("M", bound=models.Model)


def _on_their_organization(person: User | Any, now: datetime) -> models.Q:
    """Match holds on an organization that this person is bound by.

    They are if they were proved to be of it at any time since the hold was placed, or have worked
    since then under the grant of somebody who was. Leaving the organization frees nobody.
    """
    from portal.access.models import Membership

    placed_at, there = models.OuterRef("placed_at"), models.OuterRef("organization")
    own = Affiliation.objects.of(person).standing_since(placed_at, now).filter(organization=there)
    within = Membership.objects.filter(person=person).working_since(placed_at, now)
    holders = Affiliation.objects.standing_since(
        models.OuterRef(models.OuterRef("placed_at")), now
    ).filter(organization=models.OuterRef(models.OuterRef("organization")))
    within = within.filter(grant__person__in=holders.values("person"))
    return models.Q(models.Exists(own)) | models.Q(models.Exists(within))


def _on_bytes(repo: ModelRepo, revision: Revision) -> models.Q:
    """Match holds on this revision, or on one that has a file's bytes in common with it."""
    from portal.access.models import HeldBlob

    shared = HeldBlob.objects.filter(hold=models.OuterRef("pk"), blob__files__revision=revision)
    within_reach = models.Q(everywhere=True) | models.Q(repo__namespace=repo.namespace_id)
    return models.Q(revision=revision) | (
        models.Q(within_reach, models.Exists(shared), scope="revision")
    )


class HoldQuerySet(models.QuerySet[M]):
    def standing(self) -> HoldQuerySet[M]:
        return self.filter(lifted_at=None)

    def near(
        self, person: User | None, repo: ModelRepo, revision: Revision | None
    ) -> HoldQuerySet[M]:
        """Select the holds of ``on``, and any hold on an organization that binds here.

        Whether the person is of the organization isn't asked. So this is quick to ask with each
        download, and nearly always there is none.
        """
        binding = models.Q(pk__in=[])
        if revision is not None:
            binding |= _on_bytes(repo, revision)
        if person is not None:
            people = models.Q(person=person) | models.Q(organization__isnull=False)
            binding |= people & (models.Q(repo=None) | models.Q(repo=repo))
        return self.standing().filter(binding)

    def on(
        self, person: User | None, repo: ModelRepo, revision: Revision | None, now: datetime
    ) -> HoldQuerySet[M]:
        """Select the holds that stop this person at this repo, or everybody at this revision."""
        near = self.near(person, repo, revision)
        if person is None:
            return near
        bound = models.Q(organization=None) | _on_their_organization(person, now)
        return near.filter(bound)

    def of_person(self, person: User | Any, now: datetime) -> HoldQuerySet[M]:
        """Select standing holds on a person, or on an organization of theirs, on any repo."""
        binding = models.Q(person=person) | _on_their_organization(person, now)
        return self.standing().filter(binding)

    def manageable_by(self, person: User | Any) -> HoldQuerySet[M]:
        """Select holds on repos that this person administers, and all for a superuser."""
        repos = ModelRepo.objects.administered_by(person)
        return self if person.is_superuser else self.filter(repo__in=repos)
