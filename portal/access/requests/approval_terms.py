"""What an approval gives, and the narrowest terms on which several people agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.access.models import AccessRequest, Review
from portal.access.policy.conditions import Conditions, check_conditions, matches
from portal.access.requests.form.questions import requestable_modes
from portal.catalog.models import File, ModelRepo
from portal.errors import FieldErrors

LONGEST_GRANT = timedelta(days=5 * 366)
OUT_OF_BOUNDS = "Choose an end date after today and within five years."
NO_SUCH_FILE = (
    "No file of this model is called {}; write a name, or a pattern such as *.safetensors."
)


@dataclass(frozen=True)
class ApprovalTerms:
    modes: tuple[str, ...]
    expires_at: datetime
    conditions: Conditions = field(default_factory=Conditions)


def check_terms(access_request: AccessRequest, terms: ApprovalTerms, now: datetime) -> None:
    """Raises FieldErrors naming each term that can't be given."""
    errors: dict[str, str] = {}
    offered = {str(mode) for mode in requestable_modes(access_request.repo)}
    if not terms.modes or not set(terms.modes) <= offered:
        errors["modes"] = f"Choose among {', '.join(sorted(offered))}."
    if not now < terms.expires_at <= now + LONGEST_GRANT:
        errors["expires_at"] = OUT_OF_BOUNDS
    try:
        check_conditions_on(access_request.repo, terms.conditions)
    except FieldErrors as more:
        errors |= more.errors
    if errors:
        raise FieldErrors(errors)


def check_conditions_on(repo: ModelRepo, conditions: Conditions) -> None:
    """Raises FieldErrors also for a pattern that names no file of any revision shown.

    A model without revisions has no files to hold it against: any pattern passes.
    """
    check_conditions(conditions)
    if conditions.files is None:
        return
    paths = set(File.objects.filter(revision__repo=repo).values_list("path", flat=True))
    strange = [
        each for each in conditions.files if not any(matches(path, (each,)) for path in paths)
    ]
    if paths and strange:
        raise FieldErrors({"conditions.files": NO_SUCH_FILE.format(", ".join(strange))})


def terms_of_vote(vote: Review) -> ApprovalTerms:
    if vote.expires_at is None:
        raise ValueError("a vote for approval has an end date")
    return ApprovalTerms(tuple(vote.modes), vote.expires_at, Conditions.of(vote.conditions))


def narrowest_terms(given: Sequence[ApprovalTerms]) -> ApprovalTerms | None:
    """No wider than any of them: the modes common to all, the earliest end, every condition.

    None where they have no mode, or no file that may be downloaded, in common.
    """
    modes = set.intersection(*(set(each.modes) for each in given))
    patterns = [set(each.conditions.files) for each in given if each.conditions.files is not None]
    files = sorted(set.intersection(*patterns)) if patterns else None
    if not modes or files == []:
        return None
    members = [each.conditions.max_members for each in given]
    return ApprovalTerms(
        tuple(sorted(modes)),
        min(each.expires_at for each in given),
        Conditions(
            no_logits=any(each.conditions.no_logits for each in given),
            files=None if files is None else tuple(files),
            max_members=min((most for most in members if most is not None), default=None),
        ),
    )
