"""A case as a reviewer reads it: gathered from the functions that its page asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.access.errors import RequestNotFound
from portal.access.evidence.assessment import assessment_of
from portal.access.grants.quotas.fields import suggests_floor
from portal.access.models import AccessRequest, Appeal, Decision
from portal.access.policy.conflicts import WORDS, ConflictKind
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import bounds_of, defaults_of
from portal.access.policy.request_actions import (
    Relation,
    RequestAction,
    relation_of,
    require_action,
)
from portal.access.requests.form.answers import readable_answers
from portal.access.review import evidence
from portal.access.review.assignment import assignment_of
from portal.access.review.decisions.undoable import undo_until
from portal.access.review.decisions.votes import all_votes_missing, visible_votes
from portal.access.review.status import grants_of, is_draft
from portal.api.base.permissions import HasReviewScope
from portal.api.base.views import ApiView

Verdict = Decision.Verdict
COLUMNS = (
    "id",
    "reference",
    "repo",
    "applicant",
    "state",
    "submitted_at",
    "due_at",
    "closed_at",
    "escalation_level",
    "organization_name",
    "sector",
    "country",
)


class CaseMixin(ApiView):
    """A view of one case, for those who read it as reviewers."""

    permission_classes = write_permission_classes = [HasReviewScope]

    def get_request(self) -> AccessRequest:
        """Return the request, if the caller reviews it. Raise RequestNotFound to others."""
        readable_requests = self.within(AccessRequest.objects.readable_by(self.user))
        related = readable_requests.select_related(
            "repo__namespace", "collection__namespace", "applicant"
        )
        case: AccessRequest | None = related.filter(pk=self.kwargs["request_id"]).first()
        if case is None:
            raise RequestNotFound
        return case

    def require_within(self, request_ids: list[int]) -> None:
        """Raise RequestNotFound unless the token is for the models of these requests.

        Who may act on them is for the service to say.
        """
        requests = AccessRequest.objects.filter(pk__in=request_ids)
        if self.within(requests).count() < requests.count():
            raise RequestNotFound

    def require_may(self, action: RequestAction) -> None:
        """Raise what the service would raise under its lock, if the caller may not do this.

        It is asked here before the body is looked at, so that a stranger learns nothing from how
        that is refused.
        """
        requests = AccessRequest.objects.filter(pk=self.kwargs["request_id"])
        case = self.within(requests).first()
        if case is None or (is_draft(case) and case.applicant_id != self.user.pk):
            raise RequestNotFound
        require_action(self.user, case, action, self.now)

    def case_state(self, case: AccessRequest) -> dict[str, Any]:
        """Return where a case stands, and what the caller may do to it now."""
        return self._state(case, relation_of(self.user, case, self.now))

    def whole_case(self, case: AccessRequest) -> dict[str, Any]:
        """Return everything that a decision needs."""
        relation = relation_of(self.user, case, self.now)
        newest = case.submissions.select_related("form").latest("number")
        appeal = Appeal.objects.filter(request=case).first()
        return {
            **self._state(case, relation),
            "conflicts": [WORDS[kind] for kind in ConflictKind if kind in relation.conflicts],
            "answers": readable_answers(newest.answers, form=newest.form),
            "evidence": self._evidence(case, newest.answers),
            "quotas": self._quotas(case, newest.answers),
            "bundle_url": settings.BASE_URL + reverse("site:bundle", args=[case.pk]),
            "questions": case.questions.standing(),
            "decisions": case.decisions.select_related("decided_by"),
            "appeal": appeal.text if appeal else "",
        }

    def _state(self, case: AccessRequest, relation: Relation) -> dict[str, Any]:
        assignment, grants = assignment_of(case), grants_of(case)
        return {
            **{name: getattr(case, name) for name in COLUMNS},
            "assigned_to": assignment.reviewer if assignment else None,
            "votes": self._votes(case),
            "undo_until": undo_until(case),
            "grant_id": grants[0].pk if grants else None,
            "grant_ids": [grant.pk for grant in grants],
            "allowed_acts": sorted(relation.actions),
        }

    def _votes(self, case: AccessRequest) -> dict[str, Any]:
        missing = all_votes_missing(case, self.now)
        return {
            "quorum": settings_of(case.repo).quorum,
            "approvals_missing": missing[Verdict.APPROVED],
            "declines_missing": missing[Verdict.DECLINED],
            "votes": visible_votes(case, self.user, self.now),
        }

    def _quotas(self, case: AccessRequest, answers: dict[str, Any]) -> dict[str, Any]:
        """Return what an approval may say of hosted use, and what it would be by default."""
        gate = settings_of(case.repo)
        suggested = replace(defaults_of(gate), has_floor=suggests_floor(answers))
        return {"suggested": suggested, "most": replace(bounds_of(gate), has_floor=True)}

    def _evidence(self, case: AccessRequest, answers: dict[str, Any]) -> dict[str, Any]:
        assessment = assessment_of(case, self.now, self.user)
        return {
            "proved": evidence.proved_facts(case.applicant, self.now),
            "said": [
                {"label": label, "text": text} for label, text in evidence.stated_facts(answers)
            ],
            "flags": assessment.flags,
            "missing": assessment.missing,
            "record": evidence.organization_record(case, self.user),
            "is_clear": assessment.is_clear,
        }
