"""Each letter that the gate can queue, once, as its service would send it."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.access.letters import checks, decisions, grants, holds, members, quotas, requests
from portal.access.letters.team import digest
from portal.access.letters.team import requests as team
from portal.access.letters.team.rights import tell_renewal
from portal.access.models import AccessRequest, Decision, Grant, Question, Renewal, Screening
from portal.access.policy.conditions import Conditions
from portal.access.reminders import (
    checks as late_checks,
)
from portal.access.reminders import (
    drafts,
    escalation,
    offers,
    overdue,
    questions,
    renewals,
)
from portal.access.reminders import grants as ending_grants
from portal.access.reminders import holds as standing_holds
from portal.access.requests.voting import cast_vote, void_votes
from portal.access.review.asking import ask_question
from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from tests.factories.access import make_grant, make_request
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import (
    make_administrator,
    make_entity_grant,
    make_hold,
    make_invitation,
    make_member,
    make_offer,
)
from tests.factories.reviews import approve, decline

OFFERED = Conditions(no_logits=True)
WORDS = "Say more & again: <which> data?\n\nAnd why?"


def queue_every_letter(now: datetime, repo: ModelRepo | None = None) -> None:
    repo = repo or make_repo()
    administrator = make_administrator(repo)
    colleague = make_reviewer(repo)
    case = make_request(repo, now=now)
    _of_request(case, administrator, now)
    _of_decision(repo, case, administrator, now)
    _to_team(case, administrator, colleague, now)
    _of_grant(make_entity_grant(repo, now=now), administrator, now)
    _of_members(make_entity_grant(repo, now=now), now)
    digest.send_digest(colleague, now=now + timedelta(days=1))


def _of_request(case: AccessRequest, administrator: User, now: datetime) -> None:
    requests.send_extra_check(case, Screening.objects.latest("pk"), now=now)
    requests.send_check_done(case, now=now)
    requests.send_resumption(case, number=2, now=now)
    requests.send_appeal(case, now=now)
    requests.send_withdrawal(case, now=now)
    question = _question(case, administrator, now)
    case.stamp = "1"
    drafts.remind_of_draft(case, now)
    for act in (questions.remind_of_question, questions.escalate_unreachable):
        act(question, now)
    facts = {"able": "0", "quorum": "1"}
    escalation.tell(
        case, [administrator], kind="stranded", key="stranded", facts=lambda: facts, now=now
    )
    overdue.escalate_overdue(case, now)
    overdue.escalate_to_owners(case, now)
    questions.lapse_request(question, now)


def _question(case: AccessRequest, administrator: User, now: datetime) -> Question:
    ask_question(reviewer=administrator, request_id=case.pk, text=WORDS, now=now)
    return Question.objects.get(request=case)


def _of_decision(repo: ModelRepo, case: AccessRequest, administrator: User, now: datetime) -> None:
    make_grant(repo, now=now)
    approve(make_request(repo, now=now), administrator, now, conditions=OFFERED)
    for reason in ("commercial", "unspecified"):
        case_to_decline = make_request(repo, now=now)
        decline(case_to_decline, administrator, now, reason_code=reason, reason_text=WORDS)
    granted = Grant.objects.filter(decision__isnull=False).latest("pk")
    screening = Screening(grant=granted, due_at=now)
    decisions.send_approval_check(granted.decision.request, screening, now=now)
    decisions.send_reopening(case, reason=WORDS, ends_access=True, now=now)


def _to_team(case: AccessRequest, administrator: User, colleague: User, now: datetime) -> None:
    """Queue those that ``make_request`` and the decisions don't cause already."""
    team.tell_assigned(case, administrator, now=now)
    team.tell_held(case, now=now)
    team.tell_appealed(case, now=now)
    team.tell_voted(case, administrator, now=now)
    cast_vote(case, colleague, Decision.Verdict.DECLINED, now=now)
    void_votes(case.reviews.all(), "its answers changed", now)
    team.tell_answered(case, voided=1, now=now)


def _of_grant(grant: Grant, administrator: User, now: datetime) -> None:
    offer = make_offer(
        grant.repo, conditions={"no_logits": True, "files": ["*.json"], "max_members": 3}, now=now
    )
    grants.send_offered(offer, now=now)
    grants.send_offer_declined(offer, now=now)
    screening = grant.screenings.latest("pk")
    screening.due_at = now
    checks.send_extra_check(grant, screening, now=now)
    checks.send_standing_check(screening, now=now)
    checks.send_standing_done(screening, now=now)
    offer.ends = now
    offers.remind_of_offer(offer, now)
    offers.tell_offer_lapsed(offer, now)
    grant.notice_reason = grant.closeout = WORDS
    grants.send_revocation(grant, reason=WORDS, now=now)
    grants.send_extended(grant, grant.repo, now=now)
    grants.send_coverage_ended(grant, grant.repo, reason=WORDS, now=now)
    quotas.send_quotas_changed(grant, reason=WORDS, now=now)
    grants.send_notice(grant, can_sign=True, now=now)
    grants.send_notice_withdrawn(grant, was=now, now=now)
    grants.send_closed(grant, now=now)
    grants.send_renewed(grant, now=now)
    grant.ends = now
    ending_grants.remind_of_grant(grant, now)
    ending_grants.tell_grant_ended(grant, now)
    ending_grants.remind_of_closeout(grant, now)
    _of_renewal(_renewal(grant, now), now)
    hold = make_hold(grant.person, grant.repo, actor=administrator, now=now)
    holds.send_lifted(hold, grant.person, repo=hold.repo, now=now)
    hold.month = "1"
    standing_holds.remind_of_hold(hold, now)


def _renewal(grant: Grant, now: datetime) -> Renewal:
    return Renewal.objects.create(
        grant=grant,
        acceptance=grant.acceptance,
        report="It went well.",
        reason=WORDS,
        filed_at=now,
        due_at=now + timedelta(days=10),
    )


def _of_renewal(renewal: Renewal, now: datetime) -> None:
    grants.send_renewal_filed(renewal, now=now)
    tell_renewal(renewal, now=now)
    grants.send_renewal_declined(renewal, now=now)
    renewals.escalate_renewal(renewal, now)
    renewals.escalate_renewal_to_owners(renewal, now)


def _of_members(grant: Grant, now: datetime) -> None:
    joined = make_member(grant, now=now)
    screening = joined.screenings.latest("pk")
    screening.due_at = now
    checks.send_member_check(joined, screening, now=now)
    late_checks.remind_of_check(screening, now)
    invited = make_invitation(grant, make_user(), now=now)
    for membership in (joined, invited):
        membership.end_reason = "The project is over."
        members.send_ended(membership, now=now)
