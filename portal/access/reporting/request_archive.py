"""Collect everything about a request as plain data, for its archive of evidence.

An applicant's own archive has nothing of the team's: no notes, votes or names of those who decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet

from portal.access.errors import RequestNotFound
from portal.access.evidence.assessment import assessment_of
from portal.access.models import (
    Acceptance,
    AccessRequest,
    Coverage,
    Decision,
    Grant,
    Review,
    Screening,
    Submission,
)
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.request_actions import RequestAction, require_action
from portal.access.querysets import GrantQuerySet
from portal.access.requests.asked_models import models_asked_for
from portal.access.review.evidence import proved_facts
from portal.accounts.models import User
from portal.catalog.models import ModelRepo

State = AccessRequest.State
NAMES_OF_THE_TEAM = {
    "asked_by_id",
    "decided_by_id",
    "undone_by_id",
    "revoked_by_id",
    "ended_by_id",
}
# Columns of a request that its applicant doesn't read.
OF_THE_REVIEW = frozenset(
    {"evidence_is_clear", "evidence_flags", "evidence_at", "shown_as", "shown_until"}
)
TEAM_ONLY = NAMES_OF_THE_TEAM | {
    "revocation_proposed_by_id",
    "revocation_proposed_at",
    "chair_reason",
}


@dataclass(frozen=True)
class RequestArchive:
    """A request with all its rows, as far as this reader may have them."""

    access_request: AccessRequest
    reader: User
    now: datetime

    @property
    def is_own(self) -> bool:
        return self.access_request.applicant_id == self.reader.pk

    @property
    def acceptances(self) -> list[Acceptance]:
        """Return the signatures under the request's snapshots and its grants, in order."""
        signed = Acceptance.objects.filter(
            Q(submissions__request=self.access_request)
            | Q(further_submissions__request=self.access_request)
            | Q(grants__in=self.grants)
        )
        return list(signed.select_related("licence_version__licence").order_by("pk").distinct())

    @property
    def grants(self) -> GrantQuerySet[Grant]:
        grants = Grant.objects.filter(decision__request=self.access_request).order_by("pk")
        return grants.told(self.now) if self.is_own else grants

    def request(self) -> dict[str, Any]:
        hidden = {"draft", *(OF_THE_REVIEW if self.is_own else [])}
        row = self.access_request.as_shown(self.now) if self.is_own else self.access_request
        return {
            "reference": self.access_request.reference,
            "repo": self.access_request.repo.full_name,
            "applicant": self.access_request.applicant.username,
            **self._collection(),
            **plain(row, without=hidden),
        }

    def _collection(self) -> dict[str, Any]:
        """Return the collection that was asked through, and the models that were asked for."""
        collection = self.access_request.collection
        if collection is None:
            return {}
        return {
            "collection": collection.full_name,
            "models": [repo.full_name for repo in models_asked_for(self.access_request)],
        }

    @property
    def repos(self) -> QuerySet[ModelRepo]:
        """Select the models that were asked for, and those that the grants cover or covered."""
        asked_for = [repo.pk for repo in models_asked_for(self.access_request)]
        covered = Coverage.objects.filter(grant__in=self.grants).order_by().values("repo")
        return ModelRepo.objects.filter(Q(pk__in=asked_for) | Q(pk__in=covered))

    def evidence(self, now: datetime) -> dict[str, Any]:
        """Return the assessment of this moment, which only the team reads."""
        assessment = assessment_of(self.access_request, now, self.reader)
        return {
            "assessed_at": now.isoformat(),
            "is_clear": assessment.is_clear,
            "proved": [
                {"title": fact.title, "detail": fact.detail, "at": fact.at}
                for fact in proved_facts(self.access_request.applicant, now)
            ],
            "missing": list(assessment.missing),
            "flags": [
                {
                    "kind": str(flag.kind),
                    "title": flag.title,
                    "detail": flag.detail,
                    "settled": flag.settled,
                    "request": flag.other.reference if flag.other else None,
                }
                for flag in assessment.flags
            ],
        }

    def snapshots(self) -> dict[int, dict[str, Any]]:
        snapshots = self.access_request.submissions.select_related("acceptance")
        return {snapshot.number: _snapshot(snapshot) for snapshot in snapshots}

    def lists(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows by the name of the file that they go into."""
        case, without = self.access_request, TEAM_ONLY if self.is_own else set()
        questions = case.questions
        rows_by_file: dict[str, Any] = {
            "decisions": self._decisions(),
            "questions": questions.told(self.now) if self.is_own else questions.standing(),
            "grants": self.grants,
        }
        if case.collection_id is not None:
            rows_by_file["coverage"] = Coverage.objects.filter(grant__in=self.grants)
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
        """Select the decisions, for an applicant those that they know of."""
        decisions = self.access_request.decisions.all()
        return decisions.told(self.now) if self.is_own else decisions

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
    related = ("repo__namespace", "collection__namespace", "applicant")
    requests = AccessRequest.objects.select_related(*related)
    access_request = requests.filter(pk=request_id).first()
    if access_request is None or access_request.state == State.DRAFT:
        raise RequestNotFound
    if access_request.applicant_id != reader.pk:
        require_action(reader, access_request, RequestAction.READ, now)
    return RequestArchive(access_request, reader, now)


def _snapshot(snapshot: Submission) -> dict[str, Any]:
    first, *further = [plain(acceptance) for acceptance in snapshot.acceptances]
    signed = {"signed": first} | ({"signed_further": further} if further else {})
    return plain(snapshot) | signed


def plain(row: Model, *, without: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a row's columns by name; other rows that it refers to stand as their keys."""
    columns = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in columns.items()
        if name not in without
    }
