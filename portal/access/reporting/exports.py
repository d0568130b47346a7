"""Tables that a lab may export from its gate. Column names are stable: see docs/exports.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from portal.access.models import AccessRequest, Coverage, Decision, Grant, Hold
from portal.accounts.models import User
from portal.catalog.models import ModelRepo


@dataclass(frozen=True)
class Export:
    """A table of one repo's rows.

    ``columns`` maps each column's name to its path in the rows; ``repo`` is the path to the repo.
    ``case`` is the path to a request, for rows that only those see who may read the request: owners
    export no more cases than they may open.
    """

    slug: str
    label: str
    holds: str
    rows: type[Any]
    repo: str
    columns: dict[str, str]
    only: Q = field(default_factory=Q)
    case: str | None = None

    def of(self, repo: ModelRepo, reader: User) -> QuerySet[Any]:
        """Select the rows that this reader may export, in the order of their keys."""
        rows: QuerySet[Any] = self.rows.objects.filter(self.only, **{self.repo: repo})
        if self.case is not None:
            readable = AccessRequest.objects.readable_by(reader)
            rows = rows.filter(**{f"{self.case}__in": readable.values("pk")})
        return rows.order_by("pk")

    def batch(
        self, repo: ModelRepo, reader: User, *, after: int, size: int
    ) -> list[tuple[Any, ...]]:
        """Return the next rows after a key; each begins with its own key."""
        following = self.of(repo, reader).filter(pk__gt=after)
        return list(following.values_list("pk", *self.columns.values())[:size])


REQUESTS = Export(
    "requests",
    "Requests",
    "Every request that was submitted, and where it stands",
    AccessRequest,
    "repo",
    {
        "request": "pk",
        "state": "state",
        "applicant": "applicant__username",
        "applicant_name": "applicant__name",
        "organization": "organization_name",
        "sector": "sector",
        "country": "country",
        "evidence_is_clear": "evidence_is_clear",
        "evidence_flags": "evidence_flags",
        "submitted_at": "submitted_at",
        "due_at": "due_at",
        "closed_at": "closed_at",
        "collection": "collection__slug",
        "escalation_level": "escalation_level",
        "escalated_at": "escalated_at",
    },
    only=Q(submitted_at__isnull=False),  # a draft is its writer’s alone
    case="pk",
)
DECISIONS = Export(
    "decisions",
    "Decisions",
    "Every decision, those that were undone too, with its published reason",
    Decision,
    "request__repo",
    {
        "decision": "pk",
        "request": "request",
        "snapshot": "submission__number",
        "verdict": "verdict",
        "reason_code": "reason_code",
        "reason_text": "reason_text",
        "conditions": "conditions",
        "is_override": "is_override",
        "chair_reason": "chair_reason",
        "decided_by": "decided_by__username",
        "decided_at": "decided_at",
        "undone_by": "undone_by__username",
        "undone_at": "undone_at",
    },
    case="request",
)
GRANTS = Export(
    "grants",
    "Grants",
    "Every offer and grant: whose, for what, until when, under which text",
    Grant,
    "repo",
    {
        "grant": "pk",
        "holder": "person__username",
        "holder_name": "person__name",
        "request": "decision__request",
        "renews": "parent",
        "collection": "collection__slug",
        "modes": "modes",
        "conditions": "conditions",
        "licence_sha256": "acceptance__text_sha256",
        "licence_language": "acceptance__text_language",
        "signed_at": "acceptance__accepted_at",
        "signed_for": "acceptance__entity",
        "offered_at": "offered_at",
        "offer_expires_at": "offer_expires_at",
        "held_at": "held_at",
        "starts_at": "starts_at",
        "expires_at": "expires_at",
        "ends_by_notice_at": "ends_by_notice_at",
        "revoked_at": "revoked_at",
        "revoked_by": "revoked_by__username",
        "revocation_reason": "revocation_reason",
        "closed_at": "closed_at",
        "closeout": "closeout",
    },
)
COVERAGE = Export(
    "coverage",
    "Models of grants",
    "Every model that a grant through a collection covers, and on which terms",
    Coverage,
    "grant__repo",
    {
        "grant": "grant",
        "collection": "grant__collection__slug",
        "model": "repo__name",
        "modes": "modes",
        "conditions": "conditions",
        "added_at": "added_at",
        "ended_at": "ended_at",
        "ended_by": "ended_by__username",
        "end_reason": "end_reason",
    },
)
HOLDS = Export(
    "holds",
    "Holds",
    "Every hold on this model alone; those that bind everywhere are the operators’",
    Hold,
    "repo",
    {
        "hold": "pk",
        "scope": "scope",
        "person": "person__username",
        "organization": "organization__name",
        "revision": "revision__commit",
        "reason": "reason",
        "placed_by": "placed_by__username",
        "placed_at": "placed_at",
        "lifted_at": "lifted_at",
    },
)
