"""The twelve actions of the page of a case."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from portal.access.errors import RequestNotFound
from portal.access.grants.ending.revocation import revoke_grant
from portal.access.lifecycle import is_over
from portal.access.models import AccessRequest, Decision, Grant
from portal.access.policy.request_actions import RequestAction
from portal.access.review.asking import ask_question
from portal.access.review.assignment import assign_request, claim_request, release_request
from portal.access.review.decisions.added_terms import added_by, added_by_vote
from portal.access.review.decisions.deciding import approve_request, decline_request
from portal.access.review.decisions.undo import reopen_request, undo_last
from portal.access.review.decisions.undoable import undo_until
from portal.access.review.decisions.votes import votes_missing
from portal.access.review.forms import ApproveForm
from portal.access.review.notes import declare_conflict, vouch_for_applicant, write_note
from portal.access.review.status import grants_of
from portal.access.review.views.case_action import CaseAction
from portal.forms.fields import end_of_day

VOTES = ("no more votes are", "one more vote is", "two more votes are", "three more votes are")


class Decide(CaseAction):
    """A vote on a case; the vote that completes the quorum decides it."""

    verdict: Decision.Verdict
    opens_next = True

    def message(self) -> str:
        """Say what the vote led to; "" where the undo bar of the next page says it."""
        now = timezone.now()
        access_request = AccessRequest.objects.select_related("repo").get(pk=self.access_request.pk)
        reference, verdict = access_request.reference, self.verdict
        if access_request.state == verdict:
            decision = access_request.decisions.latest("decided_at", "pk")
            if decision.undo_until > now:
                return ""
            return f"{reference} {verdict}{added_by(decision)}. The letter is on its way."
        missing = votes_missing(access_request, verdict, now)
        if missing == 0:
            return f"{reference}: your vote is recorded. The votes don’t share any terms yet."
        words = VOTES[missing] if missing < len(VOTES) else f"{missing} more votes are"
        vote = access_request.reviews.get(reviewer=self.reviewer, voided_at=None)
        return f"{reference}: your vote is recorded{added_by_vote(vote)}; {words} needed."


class Approve(Decide):
    dialog = "approve"
    action = RequestAction.VOTE
    verdict = Decision.Verdict.APPROVED
    form: ApproveForm

    def perform(self, now: datetime) -> None:
        approve_request(
            reviewer=self.reviewer,
            request_id=self.request_id,
            modes=self.answers["modes"],
            expires_at=end_of_day(self.answers["until"]),
            conditions=self.form.conditions(),
            quotas=self.form.quotas(),
            models=self.form.narrowed(),
            is_override=self.answers["is_override"],
            chair_reason=self.answers["chair_reason"],
            now=now,
        )


class Decline(Decide):
    dialog = "decline"
    verdict = Decision.Verdict.DECLINED

    @property
    def action(self) -> RequestAction:  # type: ignore[override]
        """Return DISPOSE for a held request: those who may clear it are those who decline it."""
        is_held = self.access_request.state == AccessRequest.State.HELD
        return RequestAction.DISPOSE if is_held else RequestAction.VOTE

    def perform(self, now: datetime) -> None:
        decline_request(reviewer=self.reviewer, request_id=self.request_id, now=now, **self.answers)


class Ask(CaseAction):
    dialog = "ask"
    action = RequestAction.ASK
    opens_next = True

    def perform(self, now: datetime) -> None:
        ask_question(reviewer=self.reviewer, request_id=self.request_id, now=now, **self.answers)

    def message(self) -> str:
        """Say that the mail has gone; "" where the undo bar of the next page tells of it."""
        until = undo_until(AccessRequest.objects.get(pk=self.request_id))
        if until and until > timezone.now():
            return ""
        reference = self.access_request.reference
        return f"{reference} asked: the letter is on its way. The clock is paused."


class Claim(CaseAction):
    action = RequestAction.CLAIM

    def perform(self, now: datetime) -> None:
        claim_request(reviewer=self.reviewer, request_id=self.request_id, now=now)


class Release(CaseAction):
    action = RequestAction.RELEASE

    def perform(self, now: datetime) -> None:
        release_request(actor=self.reviewer, request_id=self.request_id, now=now)


class Assign(CaseAction):
    dialog = "assign"
    action = RequestAction.ASSIGN

    def perform(self, now: datetime) -> None:
        assign_request(actor=self.reviewer, request_id=self.request_id, now=now, **self.answers)


class WriteNote(CaseAction):
    dialog = "note"
    action = RequestAction.NOTE

    def perform(self, now: datetime) -> None:
        text = self.answers["note"]
        write_note(author=self.reviewer, request_id=self.request_id, text=text, now=now)


class DeclareConflict(CaseAction):
    """Declare a conflict of interest. That there is none is declared by deciding."""

    dialog = "declare"
    action = RequestAction.DECLARE
    opens_next = True

    def perform(self, now: datetime) -> None:
        declare_conflict(
            reviewer=self.reviewer,
            request_id=self.request_id,
            has_conflict=True,
            now=now,
            **self.answers,
        )

    def message(self) -> str:
        reference = self.access_request.reference
        return f"{reference}: your conflict of interest is declared. Others will decide."


class Vouch(CaseAction):
    dialog = "vouch"
    action = RequestAction.VOUCH

    def perform(self, now: datetime) -> None:
        vouch_for_applicant(
            reviewer=self.reviewer, request_id=self.request_id, now=now, **self.answers
        )


class Undo(CaseAction):
    action = RequestAction.UNDO

    def perform(self, now: datetime) -> None:
        undo_last(actor=self.reviewer, request_id=self.request_id, now=now)

    def message(self) -> str:
        was_asked = self.access_request.state == AccessRequest.State.NEEDS_INFO
        undone = "question" if was_asked else "decision"
        return f"{self.access_request.reference}: {undone} undone; no mail was sent."


class Reopen(CaseAction):
    dialog = "reopen"
    action = RequestAction.REOPEN

    def perform(self, now: datetime) -> None:
        reopen_request(actor=self.reviewer, request_id=self.request_id, now=now, **self.answers)


class Revoke(CaseAction):
    """End the grants that an approval made; for those who administer the model."""

    dialog = "revoke"

    def perform(self, now: datetime) -> None:
        with transaction.atomic():
            for grant in self._grants(now):
                revoke_grant(actor=self.reviewer, grant_id=grant.pk, now=now, **self.answers)

    def require_allowed(self, now: datetime) -> None:
        self._grants(now)

    def _grants(self, now: datetime) -> list[Grant]:
        """Return those that stand; or one that is over, whose end the service then refuses."""
        grants = grants_of(self.access_request)
        if not grants:
            raise RequestNotFound
        return [grant for grant in grants if not is_over(grant, now)] or grants[:1]

    def message(self) -> str:
        return "The access has ended, and the notice is on its way."
