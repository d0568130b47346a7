"""List what a person has to do: questions to answer, offers and invitations to sign, renewals.

The navigation's count, the page of requests and the model's page all ask this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.access.grants.renewals import CLOSES_AFTER, OPENS_BEFORE
from portal.access.models import AccessRequest, Grant, Membership, Question, Renewal
from portal.access.querysets import GrantQuerySet, MembershipQuerySet
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.database.compiled_query import CompiledQuery
from portal.text.bidi import isolated

AT_MOST = 50  # of a kind; nobody has more, and a page shows no more
STARTED = ("repo__namespace", "acceptance")


@dataclass(frozen=True)
class PendingAction:
    """One thing that a person has to do. ``until``: when it lapses, or None."""

    repo: ModelRepo
    text: str
    act_label: str
    url: str
    until: datetime | None


def pending_actions_of(person: User, now: datetime) -> list[PendingAction]:
    """List what this person has to do, the earliest deadline first."""
    pending_actions = [
        *map(_question, _questions(person, now)),
        *map(_offer, _offers(person, now)),
        *map(_invitation, invitations_to(person, now)),
        *map(_renewal, renewable_by(person, now)),
    ]
    return sorted(pending_actions, key=lambda turn: (turn.until is None, turn.until or now))


def turn_count(person: User, now: datetime) -> int:
    """Count what this person has to do, in one query, since every page shows the number."""
    earliest, latest = _window(now)
    return len(_TURNS.rows(person=person.pk, now=now, earliest=earliest, latest=latest))


def invitations_to(person: User, now: datetime, repo: ModelRepo | None = None) -> list[Membership]:
    """List the invitations that wait for this person's signature, at one repo or all."""
    waiting = _invited(person, now)
    invitations = (
        waiting
        if repo is None
        else waiting.filter(grant__in=Grant.objects.covering(repo).order_by().values("pk"))
    )
    related = [f"grant__{name}" for name in (*STARTED, "person")]
    return list(invitations.select_related(*related)[:AT_MOST])


def renewable_by(person: User, now: datetime) -> list[Grant]:
    """List the person's grants that can be renewed now, and haven't been yet."""
    return list(_to_renew(person, now, *_window(now)).select_related(*STARTED)[:AT_MOST])


def _questions(person: User | Any, now: datetime) -> QuerySet[Question]:
    needs_info = AccessRequest.State.NEEDS_INFO
    questions = Question.objects.open().told(now).filter(request__state=needs_info)
    return questions.filter(request__applicant=person).select_related("request__repo__namespace")


def _offers(person: User | Any, now: datetime) -> GrantQuerySet[Grant]:
    return Grant.objects.filter(person=person).offered_at(now).select_related(*STARTED)


def _invited(person: User | Any, now: datetime) -> MembershipQuerySet[Membership]:
    return Membership.objects.waiting_for(person).filter(grant__in=Grant.objects.active_at(now))


def _window(now: datetime) -> tuple[datetime, datetime]:
    """Return between which two moments a term ends that can be renewed now."""
    return now - CLOSES_AFTER, now + OPENS_BEFORE


def _to_renew(
    person: User | Any, now: datetime, earliest: datetime, latest: datetime
) -> GrantQuerySet[Grant]:
    """Select, in SQL, the grants that ``renewals.is_renewable`` says yes to.

    Grants under notice are left out, since signing the newer text on the grant's page comes first.
    """
    filed = Renewal.objects.filter(grant=OuterRef("pk"), decided_at=None)
    ending = Grant.objects.filter(person=person).term_within(earliest, latest, now)
    return ending.told(now).filter(~Exists(filed), renewed_as=None)


def _turns(
    person: int, now: datetime, earliest: datetime, latest: datetime
) -> QuerySet[Any, tuple[int]]:
    parts: list[QuerySet[Any, tuple[int]]] = [
        rows.order_by().values_list("pk")[:AT_MOST]
        for rows in (
            _questions(person, now),
            _offers(person, now),
            _invited(person, now),
            _to_renew(person, now, earliest, latest),
        )
    ]
    first, *others = parts
    return first.union(*others, all=True)


_TURNS = CompiledQuery(
    _turns,
    {
        "person": -101,
        "now": datetime.min.replace(tzinfo=UTC),
        "earliest": datetime.min.replace(tzinfo=UTC) + timedelta(1),
        "latest": datetime.min.replace(tzinfo=UTC) + timedelta(2),
    },
)


def _question(question: Question) -> PendingAction:
    page = reverse("access:request", args=[question.request_id])
    return PendingAction(
        question.request.repo,
        _("The reviewers asked you a question."),
        _("Answer the question"),
        f"{page}#question",
        question.deadline_at,
    )


def _offer(grant: Grant) -> PendingAction:
    return PendingAction(
        grant.repo,
        _("Access is offered to you."),
        _("Read and sign"),
        reverse("access:offer", args=[grant.pk]),
        grant.offer_expires_at,
    )


def _invitation(membership: Membership) -> PendingAction:
    grant = membership.grant
    return PendingAction(
        grant.repo,
        _("%(grant)s invites you to work under their grant.")
        % {"grant": isolated(grant.person.display_name)},
        _("Read the terms and join"),
        reverse("access:join", args=[membership.pk]),
        None,
    )


def _renewal(grant: Grant) -> PendingAction:
    return PendingAction(
        grant.repo,
        _("Your access ends soon, and can be renewed."),
        _("Renew access"),
        reverse("access:renew", args=[grant.pk]),
        grant.expires_at,
    )
