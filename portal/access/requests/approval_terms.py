"""The terms of an approval: whether they can be given, and what several votes have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.access.models import AccessRequest, Review
from portal.access.policy.conditions import Conditions, check_conditions, matches
from portal.access.requests.form.questions import requestable_modes
from portal.catalog.models import File, ModelRepo
from portal.errors import FieldErrors

LONGEST_GRANT = timedelta(days=5 * 366)  # five years, leap days or not
OUT_OF_BOUNDS = "Choose an end date after today and within five years."
NO_SUCH_FILE = (
    "No file of this model is called {}; write a name, or a pattern such as *.safetensors."
)


@dataclass(frozen=True)
class ApprovalTerms:
    """The access that a vote would give: kinds of access, an end, and conditions."""

    modes: tuple[str, ...]
    expires_at: datetime
    conditions: Conditions = field(default_factory=Conditions)


def check_terms(access_request: AccessRequest, terms: ApprovalTerms, now: datetime) -> None:
    """Raise FieldErrors with each term that can't be given on this request."""
    errors: dict[str, str] = {}
    offered = {str(mode) for mode in requestable_modes(access_request.repo)}
    if not terms.modes or not set(terms.modes) <= offered:
        errors["modes"] = f"Choose among {', '.join(sorted(offered))}."
    if not now < terms.expires_at <= now + LONGEST_GRANT:
        errors["expires_at"] = OUT_OF_BOUNDS
    # Collected, not raised one by one, so that a form shows all that is wrong at once.
    try:
        check_conditions_on(access_request.repo, terms.conditions)
    except FieldErrors as more:
        errors |= more.errors
    if errors:
        raise FieldErrors(errors)


def check_conditions_on(repo: ModelRepo, conditions: Conditions) -> None:
    """Raise FieldErrors for conditions that can't be met, such as files that don't exist.

    A model without revisions has no files to compare with, so any pattern passes.
    """
    check_conditions(conditions)
    if conditions.files is None:
        return
    paths = set(File.objects.filter(revision__repo=repo).values_list("path", flat=True))
    unmatched = [
        pattern
        for pattern in conditions.files
        if not any(matches(path, (pattern,)) for path in paths)
    ]
    if paths and unmatched:
        raise FieldErrors({"conditions.files": NO_SUCH_FILE.format(", ".join(unmatched))})


def terms_of_vote(vote: Review) -> ApprovalTerms:
    if vote.expires_at is None:
        raise ValueError("a vote for approval has an end date")
    return ApprovalTerms(tuple(vote.modes), vote.expires_at, Conditions.of(vote.conditions))


def narrowest_terms(votes: Sequence[ApprovalTerms]) -> ApprovalTerms | None:
    """Return the modes common to all votes, the earliest end and every condition of any vote.

    Return None if the votes share no mode, or no file that may be downloaded. Files are compared
    as the patterns that were typed: ``*.json`` and ``config.json`` have nothing in common here.
    """
    modes = set.intersection(*(set(vote.modes) for vote in votes))
    patterns = [set(vote.conditions.files) for vote in votes if vote.conditions.files is not None]
    files = sorted(set.intersection(*patterns)) if patterns else None
    if not modes or files == []:
        return None
    members = [vote.conditions.max_members for vote in votes]
    return ApprovalTerms(
        tuple(sorted(modes)),
        min(vote.expires_at for vote in votes),
        Conditions(
            no_logits=any(vote.conditions.no_logits for vote in votes),
            files=None if files is None else tuple(files),
            max_members=min((limit for limit in members if limit is not None), default=None),
        ),
    )
