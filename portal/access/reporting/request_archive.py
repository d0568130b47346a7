"""Collect everything about a request as plain data, for its archive of evidence.

An applicant's own archive has nothing of the team's: no notes, votes or names of those who decided.
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
class RequestArchive:
    """A request with all its rows, as far as this reader may have them."""

    access_request: AccessRequest
    reader: User

    @property
    def is_own(self) -> bool:
        return self.access_request.applicant_id == self.reader.pk

    @property
    def acceptances(self) -> list[Acceptance]:
        """Return the signatures under the request's snapshots and its grants, in order."""
        signed = Acceptance.objects.filter(submissions__request=self.access_request)
        taken_up = Acceptance.objects.filter(grants__in=self.grants)
        acceptances = (signed | taken_up).select_related("licence_version__licence")
        return list(acceptances.order_by("pk").distinct())

    @property
    def grants(self) -> GrantQuerySet[Grant]:
        grants = Grant.objects.filter(decision__request=self.access_request).order_by("pk")
        return grants.told() if self.is_own else grants

    def request(self) -> dict[str, Any]:
        hidden = {"draft", *(["evidence_is_clear"] if self.is_own else [])}
        return {
            "reference": self.access_request.reference,
            "repo": self.access_request.repo.full_name,
            "applicant": self.access_request.applicant.username,
            **plain(self.access_request, without=hidden),
        }

    def snapshots(self) -> dict[int, dict[str, Any]]:
        snapshots = self.access_request.submissions.select_related("acceptance")
        return {
            snapshot.number: plain(snapshot) | {"signed": plain(snapshot.acceptance)}
            for snapshot in snapshots
        }

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows by the name of the file that they go into."""
        case, without = self.access_request, TEAM_ONLY if self.is_own else set()
        rows_by_file: dict[str, Any] = {
            "decisions": self._decisions(),
            "questions": case.questions.told(),
            "grants": self.grants,
        }
        if not self.is_own:
            rows_by_file |= {
                "votes": self._votes(),
                "notes": case.notes.all(),
                "screenings": Screening.objects.filter(submission__request=case),
                "escalations": case.escalations.all(),
                "conflicts": case.conflict_declarations.all(),
            }
        return {
            name: [plain(row, without=without) for row in rows]
            for name, rows in rows_by_file.items()
        }

    def _decisions(self) -> QuerySet[Decision]:
        """Select the decisions, for an applicant without undone ones, which they never heard of."""
        decisions = self.access_request.decisions.all()
        return decisions.filter(undone_at=None) if self.is_own else decisions

    def _votes(self) -> QuerySet[Review]:
        """Select the votes; where they are hidden, none of others' until the reader has voted."""
        votes = self.access_request.reviews.all()
        undecided = self.access_request.state in AccessRequest.UNDECIDED_STATES
        own = votes.filter(reviewer=self.reader)
        if undecided and settings_of(self.access_request.repo).hidden_votes and not own.exists():
            return own
        return votes


def archive_of(reader: User, request_id: int, now: datetime) -> RequestArchive:
    """Return a request's archive to its applicant, or to those of the team who may read it.

    Raise RequestNotFound to anybody else, and for a draft.
    """
    requests = AccessRequest.objects.select_related("repo__namespace", "applicant")
    access_request = requests.filter(pk=request_id).first()
    if access_request is None or access_request.state == State.DRAFT:
        raise RequestNotFound
    if access_request.applicant_id != reader.pk:
        require_action(reader, access_request, RequestAction.READ, now)
    return RequestArchive(access_request, reader)


def plain(row: Model, *, without: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a row's columns by name; other rows that it refers to stand as their keys."""
    columns = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in columns.items()
        if name not in without
    }
