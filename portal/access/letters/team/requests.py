"""Tell the people of a gate about requests: what came in, what was answered, what waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse

from portal.access.letters.mailer import AN_APPLICANT, letter_key, name_for_subject
from portal.access.letters.team.readers import (
    clearers_of_request,
    others,
    readers_of_request,
    without_conflict,
)
from portal.access.letters.team.telling import TeamNews, tell
from portal.access.models import AccessRequest, Decision, Submission, TeamEvent
from portal.accounts.models import User
from portal.formatting import whole_date
from portal.text.bidi import isolated
from portal.text.languages import in_english

State = AccessRequest.State
ANSWERED, RESUMED = Submission.Occasion.ANSWERED, Submission.Occasion.RESUMED
HOUR = timedelta(hours=1)
MOST_AT_ONCE = 6  # requests that one person sends in within an hour; further ones wait for digests
OPEN = "Open the request"


def tell_submitted(access_request: AccessRequest, *, now: datetime) -> None:
    """Tell the team of a request that came in, or of one that a screening list holds."""
    if access_request.state == State.HELD:
        tell_held(access_request, now=now)
        return
    news = _news(TeamEvent.NEW_REQUEST, access_request, kind="team_request", key="came-in")
    readers = readers_of_request(access_request, now)
    tell(news, readers, now=now, is_flood=_is_flood(access_request.applicant, now))


def _is_flood(applicant: User, now: datetime) -> bool:
    """Tell whether somebody sends in so many requests that letters at once would bury the team."""
    recent = AccessRequest.objects.of(applicant).filter(submitted_at__gt=now - HOUR)
    return recent.count() > MOST_AT_ONCE


def tell_held(access_request: AccessRequest, *, now: datetime) -> None:
    """Tell those who may clear it that a screening list holds a request."""
    key = f"held-{_round(access_request)}"
    news = _news(TeamEvent.HELD, access_request, kind="team_held", key=key)
    tell(news, clearers_of_request(access_request, now), now=now)


def tell_cleared(access_request: AccessRequest, actor: User, *, now: datetime) -> None:
    """Tell the team what the check of a request kept back: that it came in, or the answer."""
    readers = others(readers_of_request(access_request, now), actor)
    if access_request.submissions.latest("number").occasion in (ANSWERED, RESUMED):
        tell(_answer_to(access_request), readers, now=now)
    else:
        news = _news(TeamEvent.NEW_REQUEST, access_request, kind="team_request", key="came-in")
        tell(news, readers, now=now)


def tell_answered(access_request: AccessRequest, *, voided: int, now: datetime) -> None:
    """Tell the team of an answer; whose vote it voids is told of that instead."""
    reached = tell_corrected(access_request, voided=voided, now=now)
    if access_request.state == State.IN_REVIEW:
        readers = readers_of_request(access_request, now)
        others_of_team = [person for person in readers if person.pk not in reached]
        tell(_answer_to(access_request), others_of_team, now=now)


def _answer_to(access_request: AccessRequest) -> TeamNews:
    key = f"answer-{_round(access_request)}"
    return _news(TeamEvent.ANSWER, access_request, kind="team_answer", key=key)


def tell_corrected(access_request: AccessRequest, *, voided: int, now: datetime) -> set[int]:
    """Tell whose vote changed answers void, and who may clear what they got held.

    Return the keys of the voters who want to know.
    """
    if access_request.state == State.HELD:
        tell_held(access_request, now=now)
    if not voided:
        return set()
    number = access_request.submissions.latest("number").number
    news = _news(
        TeamEvent.VOTE_VOIDED, access_request, kind="team_vote_voided", key=f"voided-{number}"
    )
    votes = access_request.reviews.filter(voided_at=now).select_related("reviewer")
    voters = list(dict.fromkeys(vote.reviewer for vote in votes if vote.reviewer.is_active))
    return tell(news, without_conflict(voters, access_request, now), now=now)


def tell_appealed(access_request: AccessRequest, *, now: datetime) -> None:
    """Tell of an appeal those who may hear it: nobody who took the decision."""
    news = _news(TeamEvent.APPEAL, access_request, kind="team_appeal", key="appealed")
    tell(news, readers_of_request(access_request, now), now=now)


def tell_voted(access_request: AccessRequest, voter: User, *, now: datetime) -> None:
    """Tell those who haven't voted that a colleague has, and that more votes are needed.

    Each round of votes tells them once, and never what the vote was.
    """
    key = f"vote-{_round(access_request)}"
    news = _news(TeamEvent.VOTE_NEEDED, access_request, kind="team_vote", key=key)
    voters = access_request.reviews.filter(voided_at=None).values_list("reviewer", flat=True)
    readers = others(readers_of_request(access_request, now), voter)
    tell(news, [person for person in readers if person.pk not in set(voters)], now=now)


def tell_assigned(access_request: AccessRequest, assignee: User, *, now: datetime) -> None:
    """Tell a reviewer that the case is theirs now."""
    key = f"assigned-{assignee.pk}-{now:%Y%m%d%H%M%S%f}"
    news = _news(TeamEvent.ASSIGNED, access_request, kind="assignment", key=key)
    tell(news, [assignee], now=now)


def tell_decided(access_request: AccessRequest, decision: Decision, *, now: datetime) -> None:
    """Have the digests of the decider's colleagues tell of a decision, once it can't be undone."""
    news = _news(TeamEvent.DECIDED, access_request, kind="digest", key=f"decided-{decision.pk}")
    readers = others(readers_of_request(access_request, now), decision.decided_by)
    tell(news, readers, now=now, digest_at=decision.undo_until)


def _round(access_request: AccessRequest) -> str:
    """Name a round of the review: new answers, and what restarts a request, begin another."""
    newest = access_request.submissions.latest("number").number
    return f"{newest}-{access_request.decisions.count()}"


@in_english
def _news(event: TeamEvent, access_request: AccessRequest, *, kind: str, key: str) -> TeamNews:
    applicant, repo = access_request.applicant, access_request.repo
    due = whole_date(access_request.due_at) if access_request.due_at else ""
    return TeamNews(
        event=event,
        kind=kind,
        key=letter_key(access_request, f"team-{key}"),
        repo=repo,
        reference=access_request.reference,
        link=(OPEN, reverse("access:case", args=[access_request.pk])),
        subject={"request": access_request},
        facts={
            "who": name_for_subject(repo, applicant, otherwise=AN_APPLICANT),
            "applicant": isolated(applicant.display_name),
            "due": f"It is due on {due}." if due else "",
        },
    )
