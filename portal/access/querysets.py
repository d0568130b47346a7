from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from allauth.account.models import EmailAddress
from django.db import models
from django.db.models.functions import Lower

from portal.access import lifecycle
from portal.accounts.models import Affiliation
from portal.catalog.models import Mode, ModelRepo, Revision

if TYPE_CHECKING:
    from portal.accounts.models import User

UNDECIDED = ("held", "in_review", "needs_info")
SUBMITTED = (*UNDECIDED, "approved", "declined", "withdrawn", "lapsed")


M = TypeVar("M", bound=models.Model)


class AccessRequestQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> AccessRequestQuerySet[M]:
        return self.filter(applicant=person)

    def open(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=("draft", *UNDECIDED))

    def undecided(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=UNDECIDED)

    def submitted(self) -> AccessRequestQuerySet[M]:
        return self.filter(state__in=SUBMITTED)

    def readable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Submitted requests on repos whose team this person is of, but never their own.

        Owners read what was escalated to them besides.
        """
        team = models.Q(repo__in=ModelRepo.objects.reviewable_by(reviewer))
        owned = models.Q(repo__in=ModelRepo.objects.owned_by(reviewer), escalation_level__gt=0)
        return self.submitted().filter(team | owned).exclude(applicant=reviewer)

    def decidable_by(self, reviewer: User | Any) -> AccessRequestQuerySet[M]:
        """Those that await a decision which this person may take."""
        return self.readable_by(reviewer).filter(state="in_review")


class GrantQuerySet(models.QuerySet[M]):
    """Grants, narrowed by how they stand: ``lifecycle`` has the rules."""

    def active_at(self, now: datetime) -> GrantQuerySet[M]:
        """Select grants that have begun, aren't over and aren't held for a check.

        Holds are another matter: see ``Hold``.
        """
        return self.filter(lifecycle.active(now))

    def active_then(self, moment: datetime) -> GrantQuerySet[M]:
        """Select grants that had begun at a moment of the past and weren't over yet."""
        return self.lasted_at(moment).filter(starts_at__lte=moment)

    def offered_at(self, now: datetime) -> GrantQuerySet[M]:
        """Offers that still can be taken up by signing."""
        return self.filter(lifecycle.offered(now))

    def held_for_check(self, now: datetime) -> GrantQuerySet[M]:
        """Select signed grants, not over, that wait for a person's answer to a screening hit."""
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
        """Select grants that have begun, are held for no check and whose term, with no notice
        before it, is over between two moments, both counted; nobody has ended them."""
        begun = self.unended().without_notice().filter(starts_at__lte=now, held_at=None)
        return begun.filter(expires_at__range=(earliest, latest))

    def revocation_proposed(self) -> GrantQuerySet[M]:
        """Select grants that one administrator would end, and that wait for a second."""
        return self.unrevoked().filter(revocation_proposed_at__isnull=False)

    def to(self, person: User | Any, repo: ModelRepo) -> GrantQuerySet[M]:
        """The person's own grants; not those that they are a member of."""
        return self.filter(person=person, repo=repo)

    def usable_by(self, person: User | Any, repo: ModelRepo | None = None) -> GrantQuerySet[M]:
        """Select the person's own grants and those they joined as a member, on one repo or all."""
        here = models.Q() if repo is None else models.Q(repo=repo)
        joined = models.Q(
            memberships__person=person,
            memberships__joined_at__isnull=False,
            memberships__held_at=None,
            memberships__ended_at=None,
        )
        return self.filter(models.Q(person=person) | joined, here).distinct()

    def told(self) -> GrantQuerySet[M]:
        """Without what an undo took back: its holder was told of none of it."""
        return self.exclude(decision__undone_at__isnull=False)

    def in_mode(self, mode: Mode) -> GrantQuerySet[M]:
        return self.filter(modes__contains=[mode])

    def administered_by(self, person: User | Any) -> GrantQuerySet[M]:
        return self.filter(repo__in=ModelRepo.objects.administered_by(person))


class MembershipQuerySet(models.QuerySet[M]):
    def standing(self) -> MembershipQuerySet[M]:
        """Invited or joined, and not ended."""
        return self.filter(ended_at=None)

    def waiting_for(self, person: User | Any) -> MembershipQuerySet[M]:
        """Select invitations, under others' grants, to an address that this person has proved."""
        proved = EmailAddress.objects.filter(user=person, verified=True)
        mine = proved.annotate(lower=Lower("email")).values("lower")
        waiting = self.standing().filter(joined_at=None, email__in=mine)
        return waiting.exclude(grant__person=person)

    def joined(self) -> MembershipQuerySet[M]:
        """Select members to whom the grant opens the model: joined, and not held for a check."""
        return self.standing().filter(joined_at__isnull=False, held_at=None)

    def working_since(
        self, since: datetime | models.OuterRef, now: datetime
    ) -> MembershipQuerySet[M]:
        """Joined by now, and at some time from ``since`` on under a grant that wasn't over."""
        stayed = models.Q(ended_at=None) | models.Q(ended_at__gt=since)
        return self.filter(stayed, lifecycle.lasted(since, "grant__"), joined_at__lte=now)

    def held(self) -> MembershipQuerySet[M]:
        """Select members who signed, and wait for a person's answer to a screening hit."""
        return self.standing().filter(held_at__isnull=False)


class ScreeningQuerySet(models.QuerySet[M]):
    def of(self, person: User | Any) -> ScreeningQuerySet[M]:
        """Select every screening of this person, whatever led to it."""
        asked = models.Q(submission__request__applicant=person)
        signed = models.Q(grant__person=person) | models.Q(membership__person=person)
        return self.filter(asked | signed)

    def at(self, repo: ModelRepo) -> ScreeningQuerySet[M]:
        asked = models.Q(submission__request__repo=repo)
        signed = models.Q(grant__repo=repo) | models.Q(membership__grant__repo=repo)
        return self.filter(asked | signed)

    def of_rights(self) -> ScreeningQuerySet[M]:
        """Select the screenings of grants and memberships, without those of snapshots."""
        return self.filter(submission=None)

    def in_repos(self, repos: models.QuerySet[ModelRepo]) -> ScreeningQuerySet[M]:
        """Select the screenings of grants and memberships on these repos."""
        member = models.Q(membership__grant__repo__in=repos)
        return self.filter(models.Q(grant__repo__in=repos) | member)

    def open_at(self, now: datetime) -> ScreeningQuerySet[M]:
        """Select unanswered screenings of grants and memberships that aren't over."""
        holder = models.Q(grant__isnull=False) & lifecycle.lasting(now, "grant__")
        member = models.Q(membership__isnull=False, membership__ended_at=None)
        member &= lifecycle.lasting(now, "membership__grant__")
        return self.unanswered().filter(holder | member)

    def unanswered(self) -> ScreeningQuerySet[M]:
        """Select screenings with a hit, or a failure, that nobody has answered."""
        return self.filter(disposed_at=None).exclude(outcome="clear")


def _on_their_organization(person: User | Any, now: datetime) -> models.Q:
    """Whoever was proved to be there since the hold was placed, and whoever worked since under the
    grant of somebody who was: leaving ends neither."""
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
    """Select holds on this revision, or on one that has a file's bytes in common with it."""
    from portal.access.models import HeldBlob

    shared = HeldBlob.objects.filter(hold=models.OuterRef("pk"), blob__files__revision=revision)
    within_reach = models.Q(everywhere=True) | models.Q(repo__namespace=repo.namespace_id)
    return models.Q(revision=revision) | (
        models.Q(within_reach, models.Exists(shared), scope="revision")
    )


class QuestionQuerySet(models.QuerySet[M]):
    def told(self) -> QuestionQuerySet[M]:
        """Narrow to what the applicant was asked: a question that was undone never was."""
        return self.filter(undone_at=None)

    def open(self) -> QuestionQuerySet[M]:
        """Narrow to what still waits for an answer."""
        return self.told().filter(answered_at=None)


class HoldQuerySet(models.QuerySet[M]):
    def standing(self) -> HoldQuerySet[M]:
        return self.filter(lifted_at=None)

    def near(
        self, person: User | None, repo: ModelRepo, revision: Revision | None
    ) -> HoldQuerySet[M]:
        """Those of ``on``, and all on organizations here: quick to ask, and nearly always none."""
        held = models.Q(pk__in=[])
        if revision is not None:
            held |= _on_bytes(repo, revision)
        if person is not None:
            people = models.Q(person=person) | models.Q(organization__isnull=False)
            held |= people & (models.Q(repo=None) | models.Q(repo=repo))
        return self.standing().filter(held)

    def on(
        self, person: User | None, repo: ModelRepo, revision: Revision | None, now: datetime
    ) -> HoldQuerySet[M]:
        """Those that hold this person back from this repo, or anybody from this revision."""
        near = self.near(person, repo, revision)
        if person is None:
            return near
        theirs = models.Q(organization=None) | _on_their_organization(person, now)
        return near.filter(theirs)

    def of_person(self, person: User | Any, now: datetime) -> HoldQuerySet[M]:
        """Standing ones on the person, or on an organization they are of, wherever they bind."""
        held = models.Q(person=person) | _on_their_organization(person, now)
        return self.standing().filter(held)

    def manageable_by(self, person: User | Any) -> HoldQuerySet[M]:
        """Those on repos that this person administers; superusers have the site-wide too."""
        repos = ModelRepo.objects.administered_by(person)
        return self if person.is_superuser else self.filter(repo__in=repos)
