"""List what waits for somebody at their gates, with what is new in it, for their digest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.urls import reverse

from portal.access.letters.team.readers import (
    readers_of_check,
    readers_of_renewal,
    repos_told_to,
    without_conflict,
)
from portal.access.models import (
    AccessRequest,
    Decision,
    DigestItem,
    Renewal,
    Review,
    Screening,
    TeamEvent,
)
from portal.accounts.models import User
from portal.catalog.models import ModelRepo, TeamMember
from portal.formatting import whole_date
from portal.text.bidi import isolated

MOST = 50  # lines of each sort in one digest; the queue has them all
State = AccessRequest.State
WORDS = {
    TeamEvent.NEW_REQUEST: "new",
    TeamEvent.ANSWER: "has answered",
    TeamEvent.HELD: "held for a check",
    TeamEvent.APPEAL: "appeals",
    TeamEvent.VOTE_NEEDED: "a colleague has voted",
    TeamEvent.VOTE_VOIDED: "changed answers, so your vote is void",
    TeamEvent.ASSIGNED: "assigned to you",
}


@dataclass(frozen=True)
class WaitingLine:
    """A line of a digest: something that waits at a model, or a decision that was taken."""

    repo: ModelRepo
    text: str
    page: str
    is_new: bool
    is_waiting: bool = True


def lines_for(reader: User, items: Collection[DigestItem], now: datetime) -> list[WaitingLine]:
    """Return what waits for a person now, and the decisions that these items tell of."""
    return [
        *_requests(reader, items, now),
        *_renewals(reader, items, now),
        *_checks(reader, items, now),
        *_decisions(reader, items, now),
    ]


def _requests(reader: User, items: Collection[DigestItem], now: datetime) -> Iterator[WaitingLine]:
    news = {item.request_id: item for item in items if item.event != TeamEvent.DECIDED}
    for waiting in _undecided(reader).order_by(_news_first(news), "due_at", "pk")[:MOST]:
        item = news.get(waiting.pk)
        # Asked of what is new too: a conflict may have been declared since the item was written.
        if not without_conflict([reader], waiting, now):
            continue
        news_words = WORDS[TeamEvent(item.event)] if item else "waits"
        name = isolated(waiting.applicant.display_name)
        yield WaitingLine(
            waiting.repo,
            f"{waiting.reference}, {name}: {news_words}.{_due(waiting.due_at)}",
            reverse("access:case", args=[waiting.pk]),
            is_new=item is not None,
        )


def _undecided(reader: User) -> QuerySet[AccessRequest]:
    """Select the requests on which the person has a vote to cast, or a hit to clear."""
    votes = Review.objects.filter(request=OuterRef("pk"), reviewer=reader, voided_at=None)
    clearable = Q(state=State.HELD, repo__in=ModelRepo.objects.administered_by(reader))
    readable = AccessRequest.objects.readable_by(reader)
    waiting = readable.filter(Q(state=State.IN_REVIEW) | clearable).filter(~Exists(votes))
    undecided: QuerySet[AccessRequest] = waiting.select_related("repo__namespace", "applicant")
    return undecided.distinct()


def _news_first(keys: Collection[int | None]) -> Case:
    """Order rows of these keys before others, so that no cut of a list takes the news away."""
    return Case(When(pk__in=[key for key in keys if key is not None], then=Value(0)), default=1)


def _renewals(reader: User, items: Collection[DigestItem], now: datetime) -> Iterator[WaitingLine]:
    new = {item.renewal_id for item in items}
    waiting = Renewal.objects.filter(decided_at=None, grant__repo__in=repos_told_to(reader))
    related = ("grant__repo__namespace", "grant__person")
    waiting = waiting.select_related(*related).order_by(_news_first(new), "due_at", "pk")
    for renewal in waiting[:MOST]:
        grant = renewal.grant
        if reader not in readers_of_renewal(renewal, now):
            continue
        name = isolated(grant.person.display_name)
        yield WaitingLine(
            grant.repo,
            f"{grant.reference}, {name}: asks to renew.{_due(renewal.due_at)}",
            reverse("access:grant", args=[grant.pk]),
            is_new=renewal.pk in new,
        )


def _checks(reader: User, items: Collection[DigestItem], now: datetime) -> Iterator[WaitingLine]:
    new = {item.screening_id for item in items}
    repos = repos_told_to(reader, role=TeamMember.Role.ADMINISTRATOR)
    waiting = Screening.objects.open_at(now).in_repos(repos)
    related = (
        "grant__repo__namespace",
        "grant__person",
        "membership__person",
        "membership__grant__repo__namespace",
    )
    waiting = waiting.select_related(*related).distinct()
    for check in waiting.order_by(_news_first(new), "due_at", "pk")[:MOST]:
        if reader not in readers_of_check(check, now):
            continue
        name = isolated(check.person.display_name)
        yield WaitingLine(
            check.under.repo,
            f"{check.under.reference}, {name}: access to check.{_due(check.due_at)}",
            reverse("access:check", args=[check.pk]),
            is_new=check.pk in new,
        )


def _decisions(reader: User, items: Collection[DigestItem], now: datetime) -> Iterator[WaitingLine]:
    """Yield the decisions of colleagues that weren't undone."""
    decided = (item.request_id for item in items if item.event == TeamEvent.DECIDED)
    requests = {key for key in decided if key is not None}
    readable = AccessRequest.objects.readable_by(reader).filter(pk__in=requests)
    decisions = Decision.objects.filter(
        request__in=readable, undone_at=None, undo_until__lte=now
    ).exclude(decided_by=reader)
    related = ("request__repo__namespace", "request__applicant", "decided_by")
    newest = decisions.order_by("request_id", "-decided_at", "-pk").distinct("request_id")
    for decision in newest.select_related(*related):
        case = decision.request
        name, decider = case.applicant.display_name, decision.decided_by.display_name
        verdict = Decision.Verdict(decision.verdict).label.lower()
        yield WaitingLine(
            case.repo,
            f"{case.reference}, {isolated(name)}: {verdict} by {isolated(decider)}.",
            reverse("access:case", args=[case.pk]),
            is_new=True,
            is_waiting=False,
        )


def _due(due_at: datetime | None) -> str:
    return f" Due {whole_date(due_at)}." if due_at else ""
