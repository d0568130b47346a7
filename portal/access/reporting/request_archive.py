"""All that a request is made of, as plain data: for its bundle of evidence.

The applicant's own has nothing of the team's: no notes, no votes, no names of who decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from portal.access.errors import RequestNotFound
from portal.access.models import Acceptance, AccessRequest, Decision, Grant, Review, Screening
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.request_actions import RequestAction, require_action
from portal.access.querysets import GrantQuerySet
from portal.accounts.models import User

State = AccessRequest.State
NAMES_OF_THE_TEAM = {"asked_by_id", "decided_by_id", "undone_by_id", "revoked_by_id"}
TEAM_ONLY = NAMES_OF_THE_TEAM | {"revocation_proposed_by_id", "revocation_proposed_at"}


@dataclass(frozen=True)
class Dossier:
    case: AccessRequest
    reader: User

    @property
    def is_own(self) -> bool:
        return self.case.applicant_id == self.reader.pk

    @property
    def acceptances(self) -> list[Acceptance]:
        """The signatures under its snapshots and its grants, in order."""
        signed = Acceptance.objects.filter(submissions__request=self.case)
        taken_up = Acceptance.objects.filter(grants__in=self.grants)
        found = (signed | taken_up).select_related("licence_version__licence").order_by("pk")
        return list(found.distinct())

    @property
    def grants(self) -> GrantQuerySet[Grant]:
        found = Grant.objects.filter(decision__request=self.case).order_by("pk")
        return found.told() if self.is_own else found

    def request(self) -> dict[str, Any]:
        hidden = {"draft", *(["evidence_is_clear"] if self.is_own else [])}
        return {
            "reference": self.case.reference,
            "repo": self.case.repo.full_name,
            "applicant": self.case.applicant.username,
            **plain(self.case, without=hidden),
        }

    def snapshots(self) -> dict[int, dict[str, Any]]:
        found = self.case.submissions.select_related("acceptance")
        return {each.number: plain(each) | {"signed": plain(each.acceptance)} for each in found}

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """By the name of the file that each goes into."""
        case, without = self.case, TEAM_ONLY if self.is_own else set()
        told: dict[str, Any] = {
            "decisions": self._decisions(),
            "questions": case.questions.told(),
            "grants": self.grants,
        }
        if not self.is_own:
            told |= {
                "votes": self._votes(),
                "notes": case.notes.all(),
                "screenings": Screening.objects.filter(submission__request=case),
                "escalations": case.escalations.all(),
                "conflicts": case.conflict_declarations.all(),
            }
        return {
            name: [plain(each, without=without) for each in rows] for name, rows in told.items()
        }

    def _decisions(self) -> QuerySet[Decision]:
        """What was undone is the team’s matter: for the applicant it never was."""
        decisions = self.case.decisions.all()
        return decisions.filter(undone_at=None) if self.is_own else decisions

    def _votes(self) -> QuerySet[Review]:
        """Where votes are hidden, one's own alone until one has cast it, or it is decided."""
        votes = self.case.reviews.all()
        undecided = self.case.state in AccessRequest.UNDECIDED_STATES
        own = votes.filter(reviewer=self.reader)
        if undecided and settings_of(self.case.repo).hidden_votes and not own.exists():
            return own
        return votes


def dossier_of(reader: User, request_id: int, now: datetime) -> Dossier:
    """For who may read it on the team, and for who asked. Raises RequestNotFound."""
    found = AccessRequest.objects.select_related("repo__namespace", "applicant")
    case = found.filter(pk=request_id).first()
    if case is None or case.state == State.DRAFT:
        raise RequestNotFound
    if case.applicant_id != reader.pk:
        require_action(reader, case, RequestAction.READ, now)
    return Dossier(case, reader)


def plain(row: Model, *, without: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """A row's columns by their names; who and what it names by their keys."""
    found = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in found.items()
        if name not in without
    }
