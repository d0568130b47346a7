"""The reviewer's side, one module for each part of it."""

from portal.access.review.asking import ask_question
from portal.access.review.assignment import assign_request, claim_request, release_request
from portal.access.review.decisions.bulk import BulkResult, BulkTerms, bulk_decide
from portal.access.review.decisions.deciding import (
    approve_request,
    decline_request,
    overrides_count,
)
from portal.access.review.decisions.undo import (
    reopen_request,
    undo_decision,
    undo_last,
    undo_question,
)
from portal.access.review.notes import declare_conflict, vouch_for_applicant, write_note

__all__ = [
    "BulkResult",
    "BulkTerms",
    "approve_request",
    "ask_question",
    "assign_request",
    "bulk_decide",
    "claim_request",
    "declare_conflict",
    "decline_request",
    "overrides_count",
    "release_request",
    "reopen_request",
    "undo_decision",
    "undo_last",
    "undo_question",
    "vouch_for_applicant",
    "write_note",
]
