"""The gate as a whole, driven by chance: what must hold after any sequence of acts.

Every rule calls a use case as any person might, at its time or not. A refusal is a fair answer;
it must then have changed nothing. After each step the promises of the gate are looked at anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from portal.access.applicant.submission import submit_request
from portal.access.grants.ending.closeout import close_grant
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.grants.members.joining import join_as_member
from portal.access.grants.members.membership import invite_member, remove_member
from portal.access.grants.offers import accept_offer
from portal.access.grants.renewals import renew_grant
from portal.access.holds.holds import lift_hold, place_hold
from portal.access.models import (
    AccessRequest,
    Decision,
    Grant,
    Hold,
    Membership,
    Question,
    Review,
)
from portal.access.policy.conflicts import ConflictKind, conflicts_of
from portal.access.policy.policy import Action, may
from portal.access.reminders.tick import tick
from portal.access.requests.answering import answer_question, correct_request, resume_request
from portal.access.requests.appeals import appeal_request
from portal.access.requests.drafts import start_draft
from portal.access.requests.routing import withdraw_request
from portal.access.review.asking import ask_question
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.access.review.decisions.undo import reopen_request, undo_decision
from portal.access.review.notes import declare_conflict
from portal.audit.checking import verify_chain
from portal.audit.models import AuditEvent
from portal.errors import DomainError
from portal.outbox.models import OutboxMessage
from portal.outbox.services import deliver_due
from tests.conftest import NOW
from tests.factories.access import make_draft, make_signature
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer
from tests.factories.grants import make_gate

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "3"))
STEPS = int(os.environ.get("MACHINE_STEPS", "25"))
applicants, reviewers, heads = st.integers(0, 1), st.integers(0, 2), st.integers(0, 1)
voters = st.lists(reviewers, min_size=1, max_size=3, unique=True)
MODES = st.sampled_from([["download"], ["inference"], ["download", "inference"]])
# What each event says that the request's state is from then on.
SAYS = {
    "request.withdrawn": "withdrawn",
    "request.question_asked": "needs_info",
    "request.approved": "approved",
    "request.declined": "declined",
    "request.decision_undone": "in_review",
    "request.question_undone": "in_review",
    "request.reopened": "in_review",
    "request.appealed": "in_review",
    "request.lapsed": "lapsed",
}


class Gate(RuleBasedStateMachine):
    """One model, its team of three and two heads, two people who want it, and their guests."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.now = NOW

    def teardown(self) -> None:
        try:
            assert verify_chain().fault is None
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    @initialize(quorum=st.integers(1, 2), undo=st.sampled_from([0, 10]))
    def world(self, quorum: int, undo: int) -> None:
        self.repo = make_repo()
        make_gate(self.repo, quorum=quorum, undo_minutes=undo)
        self.quorum = quorum
        self.applicants = [make_user() for _ in range(2)]
        self.team = [make_reviewer(self.repo) for _ in range(3)]
        self.heads = [make_reviewer(self.repo, role="administrator") for _ in range(2)]
        self.guest = make_user()
        self.undone: set[int] = set()
        self.submit(0, "entity")
        self.approve(0, [0, 1], ["download", "inference"], 365)
        self.submit(1, "person")

    def attempt(self, act: Callable[..., Any], **given: Any) -> Any:
        """Call a service, whose refusal must leave everything as it was, the record included."""
        before = AuditEvent.objects.count(), OutboxMessage.objects.count()
        try:
            with transaction.atomic():
                return act(**given, now=self.now)
        except DomainError:
            assert (AuditEvent.objects.count(), OutboxMessage.objects.count()) == before
            return None

    def newest(self, who: int) -> AccessRequest | None:
        return AccessRequest.objects.of(self.applicants[who]).order_by("-pk").first()

    def grant(self, who: int) -> Grant | None:
        return Grant.objects.filter(person=self.applicants[who]).order_by("-pk").first()

    def signature(self, person: Any, **changed: Any) -> Any:
        return make_signature(person, self.repo, now=self.now, **changed)

    @rule(minutes=st.sampled_from([1, 9, 11, 60 * 24, 60 * 24 * 8, 60 * 24 * 31, 60 * 24 * 300]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        deliver_due(now=self.now)
        tick(self.now)

    @rule(who=applicants, capacity=st.sampled_from(["person", "entity"]))
    def submit(self, who: int, capacity: str) -> None:
        person = self.applicants[who]
        draft = self.attempt(start_draft, applicant=person, repo_id=self.repo.pk)
        if draft is None:
            return
        if draft.state == "draft":
            make_draft(self.repo, person, now=self.now)
        entity = "Example University" if capacity == "entity" else ""
        signature = self.signature(person, capacity=capacity, entity=entity)
        arguments = {"applicant": person, "request_id": draft.pk, "signatures": [signature]}
        self.attempt(submit_request, **arguments)

    @rule(who=applicants)
    def withdraw(self, who: int) -> None:
        if request := self.newest(who):
            self.attempt(withdraw_request, applicant=self.applicants[who], request_id=request.pk)

    @rule(who=applicants, purpose=st.sampled_from(["We study calibration.", "Something else."]))
    def correct(self, who: int, purpose: str) -> None:
        if request := self.newest(who):
            self.attempt(
                correct_request,
                applicant=self.applicants[who],
                request_id=request.pk,
                changes={"purpose": purpose},
            )

    @rule(who=applicants, by=reviewers)
    def ask(self, who: int, by: int) -> None:
        if request := self.newest(who):
            self.attempt(
                ask_question, reviewer=self.team[by], request_id=request.pk, text="Which corpus?"
            )

    @rule(who=applicants, resume=st.booleans())
    def answer(self, who: int, resume: bool) -> None:
        if request := self.newest(who):
            act = resume_request if resume else answer_question
            person = self.applicants[who]
            self.attempt(act, applicant=person, request_id=request.pk, answer="The open one.")

    @rule(who=applicants, voters=voters, modes=MODES, days=st.sampled_from([1, 90, 365]))
    def approve(self, who: int, voters: list[int], modes: list[str], days: int) -> None:
        for by in voters if (request := self.newest(who)) else ():
            self.attempt(
                approve_request,
                reviewer=self.team[by],
                request_id=request.pk,
                modes=modes,
                expires_at=self.now + timedelta(days=days),
            )

    @rule(who=applicants, voters=voters)
    def decline(self, who: int, voters: list[int]) -> None:
        for by in voters if (request := self.newest(who)) else ():
            self.attempt(
                decline_request,
                reviewer=self.team[by],
                request_id=request.pk,
                reason_code="commercial",
                reason_text="It is commercial.",
            )

    @rule(who=applicants, modes=MODES)
    def decide_ones_own(self, who: int, modes: list[str]) -> None:
        if request := self.newest(who):
            decided = self.attempt(
                approve_request,
                reviewer=self.applicants[who],
                request_id=request.pk,
                modes=modes,
                expires_at=self.now + timedelta(days=9),
            )
            assert decided is None

    @rule(who=applicants, by=reviewers, has_conflict=st.booleans())
    def declare(self, who: int, by: int, has_conflict: bool) -> None:
        if request := self.newest(who):
            self.attempt(
                declare_conflict,
                reviewer=self.team[by],
                request_id=request.pk,
                has_conflict=has_conflict,
                statement="We wrote a paper together.",
            )

    @rule(who=applicants, by=heads)
    def undo(self, who: int, by: int) -> None:
        if request := self.newest(who):
            decision = request.decisions.filter(undone_at=None).last()
            done = self.attempt(undo_decision, actor=self.heads[by], request_id=request.pk)
            if done is not None and decision is not None:
                self.undone.add(decision.pk)

    @rule(who=applicants, by=heads)
    def reopen(self, who: int, by: int) -> None:
        if request := self.newest(who):
            self.attempt(
                reopen_request, actor=self.heads[by], request_id=request.pk, reason="A mistake."
            )

    @rule(who=applicants)
    def appeal(self, who: int) -> None:
        if request := self.newest(who):
            person = self.applicants[who]
            self.attempt(appeal_request, applicant=person, request_id=request.pk, text="It isn’t.")

    @rule(who=applicants)
    def take_up_the_offer(self, who: int) -> None:
        if grant := self.grant(who):
            person = self.applicants[who]
            signature = self.signature(person)
            self.attempt(accept_offer, person=person, grant_id=grant.pk, signature=signature)

    @rule(who=applicants)
    def renew(self, who: int) -> None:
        if (grant := self.grant(who)) is None:
            return
        person = self.applicants[who]
        renewal = self.attempt(
            renew_grant,
            holder=person,
            grant_id=grant.pk,
            report="We probed it.",
            publications="",
            signature=self.signature(person),
        )
        is_held = Hold.objects.on(person, self.repo, None, self.now).exists()
        if renewal is not None and renewal.outcome == "granted" and not is_held:
            use = Action.DOWNLOAD if "download" in grant.modes else Action.INFER
            assert may(person, use, self.repo, self.now).allowed, "renewed is usable now"

    @rule(who=applicants, by=heads)
    def revoke(self, who: int, by: int) -> None:
        if grant := self.grant(who):
            self.attempt(revoke_grant, actor=self.heads[by], grant_id=grant.pk, reason="A breach.")

    @rule(who=applicants)
    def close(self, who: int) -> None:
        if grant := self.grant(who):
            self.attempt(
                close_grant,
                holder=self.applicants[who],
                grant_id=grant.pk,
                statement="All copies are deleted.",
                deleted_copies=True,
            )

    @precondition(lambda self: not Hold.objects.standing().exists())
    @rule(who=applicants, by=heads)
    def hold(self, who: int, by: int) -> None:
        self.attempt(
            place_hold,
            actor=self.heads[by],
            scope="person",
            subject_id=self.applicants[who].pk,
            repo_id=self.repo.pk,
            reason="A leak is looked into.",
        )

    @precondition(lambda self: Hold.objects.standing().exists())
    @rule(both=st.booleans())
    def lift(self, both: bool) -> None:
        hold = Hold.objects.standing().latest("pk")
        for actor in self.heads if both else self.heads[:1]:
            self.attempt(lift_hold, actor=actor, hold_id=hold.pk, reason="Clear.")

    @rule(who=applicants)
    def invite(self, who: int) -> None:
        if grant := self.grant(who):
            person = self.applicants[who]
            self.attempt(invite_member, holder=person, grant_id=grant.pk, email=self.guest.email)

    @precondition(lambda self: Membership.objects.standing().exists())
    @rule()
    def join(self) -> None:
        membership = Membership.objects.standing().latest("pk")
        signature = self.signature(self.guest)
        arguments = {"membership_id": membership.pk, "signature": signature}
        self.attempt(join_as_member, person=self.guest, **arguments)

    @precondition(lambda self: Membership.objects.standing().exists())
    @rule(leaves=st.booleans())
    def remove(self, leaves: bool) -> None:
        membership = Membership.objects.standing().latest("pk")
        actor = self.guest if leaves else membership.grant.person
        self.attempt(remove_member, actor=actor, membership_id=membership.pk, reason="Left.")

    @invariant()
    def only_who_has_a_signed_grant_that_nothing_holds_gets_bytes(self) -> None:
        for person in (*self.applicants, self.guest):
            allowed = may(person, Action.DOWNLOAD, self.repo, self.now).allowed
            assert allowed == self.should_have(person), f"{person} at {self.now}"

    def should_have(self, person: Any) -> bool:
        """Derive the rule once more, in Python over every row, without the policy's querysets."""
        joined = {
            membership.grant_id
            for membership in Membership.objects.filter(person=person)
            if membership.joined_at and membership.acceptance_id and not membership.ended_at
        }
        standing = [
            grant
            for grant in Grant.objects.all()
            if (grant.person_id == person.pk or grant.pk in joined)
            and "download" in grant.modes
            and grant.acceptance_id is not None
            and grant.starts_at is not None
            and grant.starts_at <= self.now < grant.expires_at
            and (grant.ends_by_notice_at is None or self.now < grant.ends_by_notice_at)
            and grant.revoked_at is None
            and grant.closed_at is None
        ]
        holds = [
            hold
            for hold in Hold.objects.all()
            if hold.person_id == person.pk and not hold.lifted_at
        ]
        return bool(standing) and not holds

    @invariant()
    def nobody_has_two_open_requests(self) -> None:
        for person in self.applicants:
            assert AccessRequest.objects.of(person).open().count() <= 1

    @invariant()
    def decisions_are_the_votes_of_enough_others(self) -> None:
        for decision in Decision.objects.filter(is_override=False, undone_at=None):
            voters = {
                vote.reviewer_id
                for vote in Review.objects.filter(
                    request=decision.request_id,
                    verdict=decision.verdict,
                    cast_at__lte=decision.decided_at,
                )
            }
            assert len(voters) >= self.quorum
            assert decision.request.applicant_id not in voters

    @invariant()
    def appeals_are_decided_by_others(self) -> None:
        for request in AccessRequest.objects.filter(appeal__isnull=False):
            before = request.appeal.decision
            for after in request.decisions.filter(pk__gt=before.pk, is_override=False):
                conflicts = conflicts_of([after.decided_by], request, self.now)
                assert ConflictKind.DECIDED_BEFORE not in conflicts[after.decided_by_id]

    @invariant()
    def a_refusal_says_why(self) -> None:
        declined = Decision.objects.filter(verdict="declined")
        assert not declined.filter(reason_code="").exists()
        assert not declined.filter(reason_text="").exists()

    @invariant()
    def the_record_tells_the_state_of_each_request(self) -> None:
        for request in AccessRequest.objects.submitted():
            newest = AuditEvent.objects.filter(
                target_type="access.accessrequest", target_id=request.pk, type__in=SAYS
            ).last()
            moved_on = Question.objects.filter(request=request, answered_at__isnull=False)
            if newest is None:
                assert request.state == "in_review"
            elif moved_on.filter(answered_at__gte=newest.at).exists():
                assert request.state in ("in_review", SAYS[newest.type])
            else:
                assert request.state == SAYS[newest.type], newest

    @invariant()
    def a_question_is_open_exactly_while_it_is_awaited(self) -> None:
        for request in AccessRequest.objects.submitted():
            waits = request.questions.filter(answered_at=None).exists()
            if request.state == "needs_info":
                assert waits

    @invariant()
    def an_undone_decision_leaves_no_letter(self) -> None:
        for key in self.undone:
            decision = Decision.objects.get(pk=key)
            letters = OutboxMessage.objects.filter(
                kind__in=("approval", "offer", "decline"),
                key__startswith=f"request-{decision.request_id}-",
                created_at=decision.decided_at,
                sent_at__isnull=False,
            )
            assert not letters.exists()

    @invariant()
    def a_renewal_never_shortens(self) -> None:
        for child in Grant.objects.filter(parent__isnull=False).select_related("parent"):
            assert child.expires_at >= child.parent.expires_at
            assert child.modes == child.parent.modes
            assert child.conditions == child.parent.conditions


@pytest.mark.django_db
@pytest.mark.timeout(300 + EXAMPLES * STEPS)
def test_the_gate_keeps_its_promises_whatever_happens():
    run_state_machine_as_test(
        Gate,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
