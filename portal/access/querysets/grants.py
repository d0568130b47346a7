"""Grants and memberships, by status, person and repo."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from allauth.account.models import EmailAddress
from django.db import models
from django.db.models.functions import Lower

from portal.access import lifecycle
from portal.catalog.models import Mode, ModelRepo

if TYPE_CHECKING:
    from portal.access.models import Coverage
    from portal.accounts.models import User

M = TypeVar("M", bound=models.Model)


def covering(repo: ModelRepo, **more: Any) -> models.Q:
    """Match grants that cover a repo: a plain one its own repo, any other by a standing row.

    ``more`` is asked of the grant or of the row alike, which both have modes.
    """
    standing = models.Exists(_rows(repo).filter(ended_at=None, **more))
    return models.Q(collection=None, repo=repo, **more) | models.Q(standing)


def _rows(repo: ModelRepo) -> models.QuerySet[Coverage]:
    from portal.access.models import Coverage

    return Coverage.objects.filter(grant=models.OuterRef("pk"), repo=repo)


class GrantQuerySet(models.QuerySet[M]):
    """Grants, narrowed by their status; ``lifecycle`` has the rules."""

    def active_at(self, now: datetime) -> GrantQuerySet[M]:
        """Select grants that have begun, aren't over and aren't held for a check.

        Holds are another matter: see ``Hold``.
        """
        return self.filter(lifecycle.active(now))

    def active_then(self, moment: datetime) -> GrantQuerySet[M]:
        """Select grants that had begun at a moment of the past and weren't over yet."""
        return self.lasted_at(moment).filter(starts_at__lte=moment)

    def offered_at(self, now: datetime) -> GrantQuerySet[M]:
        """Select offers that can still be signed."""
        return self.filter(lifecycle.offered(now))

    def held_for_check(self, now: datetime) -> GrantQuerySet[M]:
        """Select signed grants, not over, that are held until a screening hit is cleared."""
        return self.lasting_at(now).filter(held_at__isnull=False)

    def lasting_at(self, now: datetime) -> GrantQuerySet[M]:
        """Select signed grants that aren't over, also future ones and those held for a check."""
        return self.filter(lifecycle.lasting(now), acceptance__isnull=False)

    def begun_until(self, end: datetime) -> GrantQuerySet[M]:
        """Select grants with a start that nothing ends up to that moment, as far as is known."""
        return self.filter(lifecycle.lasting(end), starts_at__isnull=False)

    def begun(self) -> GrantQuerySet[M]:
        """Select grants with a start that nobody has ended, with when each ends by itself."""
        begun: Any = self.filter(lifecycle.unended(), starts_at__isnull=False)
        ending: GrantQuerySet[M] = begun.annotate(ends=lifecycle.end_by_itself())
        return ending

    def unsigned(self) -> GrantQuerySet[M]:
        """Select offers that nobody has ended, with until when each can be signed as ``ends``."""
        offers: Any = self.filter(lifecycle.unended(), lifecycle.OFFER)
        lapsing: GrantQuerySet[M] = offers.annotate(ends=lifecycle.lapse())
        return lapsing

    def signed(self) -> GrantQuerySet[M]:
        """Leave out offers, also those that the lab took back."""
        return self.exclude(lifecycle.OFFER)

    def signed_or_revoked(self) -> GrantQuerySet[M]:
        """Leave out offers, but not those that the lab took back."""
        return self.exclude(lifecycle.OFFER, revoked_at=None)

    def lasted_at(self, moment: datetime) -> GrantQuerySet[M]:
        """Select what wasn't over at a moment of the past, whatever ended it since."""
        return self.filter(lifecycle.lasted(moment))

    def over_by(self, moment: datetime) -> GrantQuerySet[M]:
        """Select what was over at a moment of the past, by an act or by time."""
        return self.exclude(lifecycle.lasted(moment))

    def ended_by_lab(self) -> GrantQuerySet[M]:
        """Select signed grants that the lab ended at once, undone decisions left out."""
        revoked = self.filter(revoked_at__isnull=False).signed()
        return revoked.exclude(decision__undone_at__isnull=False)

    def unrevoked(self) -> GrantQuerySet[M]:
        return self.filter(revoked_at=None)

    def unended(self) -> GrantQuerySet[M]:
        """Select grants that nobody has ended; the time of some is over."""
        return self.filter(lifecycle.unended())

    def under_notice(self) -> GrantQuerySet[M]:
        """Select grants that end before their term by notice, on a day past or to come."""
        return self.filter(lifecycle.noticed())

    def ending_by(self, latest: datetime) -> GrantQuerySet[M]:
        """Select grants whose term is over by then, and those that the lab gave notice for."""
        return self.filter(lifecycle.noticed() | models.Q(expires_at__lte=latest))

    def without_notice(self) -> GrantQuerySet[M]:
        return self.exclude(lifecycle.noticed())

    def term_within(self, earliest: datetime, latest: datetime, now: datetime) -> GrantQuerySet[M]:
        """Select grants whose term ends between two moments, both included.

        They have begun, nobody has ended them, and they are neither under notice nor held.
        """
        begun = self.unended().without_notice().filter(starts_at__lte=now, held_at=None)
        return begun.filter(expires_at__range=(earliest, latest))

    def revocation_proposed(self) -> GrantQuerySet[M]:
        """Select grants that one administrator would end, and that wait for a second."""
        return self.unrevoked().filter(revocation_proposed_at__isnull=False)

    def to(self, person: User | Any, repo: ModelRepo) -> GrantQuerySet[M]:
        """Select a person's own grants that cover a repo, without those they are a member of."""
        return self.filter(covering(repo), person=person)

    def covering(self, repo: ModelRepo) -> GrantQuerySet[M]:
        """Select the grants on a repo: its own, and those that cover it through a collection."""
        return self.filter(covering(repo))

    def covering_any(self, repos: models.QuerySet[ModelRepo]) -> GrantQuerySet[M]:
        """Select the grants that cover at least one of these repos."""
        from portal.access.models import Coverage

        standing = Coverage.objects.standing().filter(
            grant=models.OuterRef("pk"), repo__in=repos.order_by().values("pk")
        )
        plain = models.Q(collection=None, repo__in=repos)
        return self.filter(plain | models.Q(models.Exists(standing)))

    def opening(self, repo: ModelRepo, mode: Mode) -> GrantQuerySet[M]:
        """Select the grants that cover a repo in this mode."""
        return self.filter(covering(repo, modes__contains=[mode]))

    def opening_then(self, repo: ModelRepo, mode: Mode, moment: datetime) -> GrantQuerySet[M]:
        """Select the grants that covered a repo in this mode at a moment of the past."""
        stayed = models.Q(ended_at=None) | models.Q(ended_at__gt=moment)
        rows = _rows(repo).filter(stayed, added_at__lte=moment, modes__contains=[mode])
        plain = models.Q(collection=None, repo=repo, modes__contains=[mode])
        return self.filter(plain | models.Q(models.Exists(rows)))

    def concerning(self, repo: ModelRepo) -> GrantQuerySet[M]:
        """Select what a repo's team lists: grants that it leads, or that ever covered it."""
        return self.filter(models.Q(repo=repo) | models.Exists(_rows(repo)))

    def usable_by(self, person: User | Any, repo: ModelRepo | None = None) -> GrantQuerySet[M]:
        """Select the person's own grants and those they joined as a member, on one repo or all."""
        from portal.access.models import Grant, Membership

        # By keys, so that PostgreSQL starts from the person, however many grants a repo has.
        own = Grant.objects.filter(person=person).order_by().values("pk")
        joined = Membership.objects.joined().filter(person=person).order_by().values("grant_id")
        usable = self.filter(pk__in=own.union(joined))
        return usable if repo is None else usable.covering(repo)

    def told(self, now: datetime) -> GrantQuerySet[M]:
        """Select the grants that their holders know of: no decision of theirs can be undone."""
        return self.filter(lifecycle.told(now))

    def standing_at(self, now: datetime) -> GrantQuerySet[M]:
        """Select what opens the model now, or will: at its time, by a signature, after a check."""
        return self.filter(lifecycle.lasting(now), lifecycle.signed_or_signable(now))

    def administered_by(self, person: User | Any) -> GrantQuerySet[M]:
        return self.filter(repo__in=ModelRepo.objects.administered_by(person))


class MembershipQuerySet(models.QuerySet[M]):
    def standing(self) -> MembershipQuerySet[M]:
        """Select memberships that are invited or joined, and not ended."""
        return self.filter(ended_at=None)

    def waiting_for(self, person: User | Any) -> MembershipQuerySet[M]:
        """Select invitations, under others' grants, to an address that this person has proved."""
        proved = EmailAddress.objects.filter(user=person, verified=True)
        addresses = proved.annotate(lower=Lower("email")).values("lower")
        waiting = self.standing().filter(joined_at=None, email__in=addresses)
        return waiting.exclude(grant__person=person)

    def joined(self) -> MembershipQuerySet[M]:
        """Select members to whom the grant opens the model: joined, and not held for a check."""
        return self.standing().filter(joined_at__isnull=False, held_at=None)

    def working_since(
        self, since: datetime | models.OuterRef, now: datetime
    ) -> MembershipQuerySet[M]:
        """Select those who joined, and worked after ``since`` under a grant that wasn't over."""
        stayed = models.Q(ended_at=None) | models.Q(ended_at__gt=since)
        return self.filter(stayed, lifecycle.lasted(since, "grant__"), joined_at__lte=now)

    def held(self) -> MembershipQuerySet[M]:
        """Select members who signed, and are held until a screening hit is cleared."""
        return self.standing().filter(held_at__isnull=False)


class CoverageQuerySet(models.QuerySet[M]):
    def standing(self) -> CoverageQuerySet[M]:
        """Select what wasn't ended; whether its grant is active is another question."""
        return self.filter(ended_at=None)

    def standing_on(self, repo: ModelRepo) -> CoverageQuerySet[M]:
        return self.standing().filter(repo=repo)

    def ended_for(self, person: User | Any, repo: ModelRepo) -> CoverageQuerySet[M]:
        """Select what the lab ended of a person's own grants, or of those they joined."""
        from portal.access.models import Grant

        usable = Grant.objects.usable_by(person).order_by().values("pk")
        return self.filter(repo=repo, ended_at__isnull=False, grant__in=usable).order_by("-grant")
