"""The terms of an approval: whether they can be given, and what several votes have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from portal.access.models import AccessRequest, Review
from portal.access.policy.conditions import Conditions, check_conditions, matches
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import Quotas, check_quotas, narrowest_quotas
from portal.access.requests.asked_models import models_asked_for, modes_of
from portal.access.requests.form.questions import requestable_modes
from portal.access.requests.narrowing import ModelTerms, Narrowing, narrow
from portal.catalog.models import File, ModelRepo
from portal.errors import FieldErrors

LONGEST_GRANT = timedelta(days=5 * 366)  # five years, leap days or not
OUT_OF_BOUNDS = "Choose an end date after today and within five years."
PAST_END = "An earlier vote is for an end that is past by now. Ask who cast it to vote anew."
NO_SUCH_FILE = (
    "No file of this model is called {}; write a name, or a pattern such as *.safetensors."
)
CHOOSE_MODELS = "Choose at least one of the models that were asked for."
NOT_ASKED_FOR = "Choose among the models that were asked for: {}."
NO_MODE_LEFT = "{} can’t be given so: choose {}, or leave this model out."


@dataclass(frozen=True)
class ApprovalTerms:
    """The access that a vote would give: kinds of access, an end, conditions and quotas.

    ``narrowed``: through a collection, each model that is given, by its key, with what limits it
    beyond the rest; empty for a request without one.
    """

    modes: tuple[str, ...]
    expires_at: datetime
    conditions: Conditions = field(default_factory=Conditions)
    quotas: Quotas = field(default_factory=Quotas)
    narrowed: Mapping[int, Narrowing] = field(default_factory=dict)


def check_terms(
    access_request: AccessRequest, terms: ApprovalTerms, now: datetime, *, begins_at: datetime
) -> None:
    """Raise FieldErrors with each term that can't be given on this request from that time on."""
    errors: dict[str, str] = {}
    asked_for = models_asked_for(access_request)
    offered = {str(mode) for mode in modes_of(asked_for)}
    if not terms.modes or not set(terms.modes) <= offered:
        errors["modes"] = f"Choose among {', '.join(sorted(offered))}."
    if not begins_at < terms.expires_at <= now + LONGEST_GRANT:
        errors["expires_at"] = OUT_OF_BOUNDS
    # Collected, not raised one by one, so that a form shows all that is wrong at once.
    try:
        if access_request.collection_id is None:
            check_conditions_on(access_request.repo, terms.conditions)
        else:
            _check_models(asked_for, terms)
    except FieldErrors as more:
        errors |= more.errors
    try:
        check_quotas(terms.quotas, settings_of(access_request.repo))
    except FieldErrors as more:
        errors |= more.errors
    if errors:
        raise FieldErrors(errors)


def require_term(agreed: ApprovalTerms, *, begins_at: datetime) -> None:
    """Raise FieldErrors where an earlier vote's end is past by the time that access begins."""
    if agreed.expires_at <= begins_at:
        raise FieldErrors({"expires_at": PAST_END})


def _check_models(asked_for: list[ModelRepo], terms: ApprovalTerms) -> None:
    """Raise FieldErrors for models that weren't asked for, and for terms that leave one nothing."""
    by_key = {repo.pk: repo for repo in asked_for}
    if not terms.narrowed:
        raise FieldErrors({"models": CHOOSE_MODELS})
    if set(terms.narrowed) - set(by_key):
        names = ", ".join(repo.full_name for repo in asked_for)
        raise FieldErrors({"models": NOT_ASKED_FOR.format(names)})
    check_conditions(terms.conditions)
    for key, own in terms.narrowed.items():
        check_conditions(own.conditions)
        narrowed = narrow(by_key[key], terms.modes, terms.conditions, own)
        if not narrowed.modes:
            modes = " or ".join(str(mode) for mode in requestable_modes(by_key[key]))
            message = NO_MODE_LEFT.format(by_key[key].full_name, modes)
            raise FieldErrors({"models": message})
        if own.conditions.files is not None:
            _check_files(by_key[key], own.conditions, f"models.{key}.conditions.files")


def models_given(access_request: AccessRequest, terms: ApprovalTerms) -> list[ModelTerms]:
    """Return what a decision gives of each model of a collection; nothing without one."""
    return [
        narrow(repo, terms.modes, terms.conditions, terms.narrowed[repo.pk])
        for repo in models_asked_for(access_request)
        if repo.pk in terms.narrowed
    ]


def check_conditions_on(repo: ModelRepo, conditions: Conditions) -> None:
    """Raise FieldErrors for conditions that can't be met, such as files that don't exist.

    A model without revisions has no files to compare with, so any pattern passes.
    """
    check_conditions(conditions)
    _check_files(repo, conditions, "conditions.files")


def _check_files(repo: ModelRepo, conditions: Conditions, field_name: str) -> None:
    if conditions.files is None:
        return
    paths = set(File.objects.filter(revision__repo=repo).values_list("path", flat=True))
    unmatched = [
        pattern
        for pattern in conditions.files
        if not any(matches(path, (pattern,)) for path in paths)
    ]
    if paths and unmatched:
        raise FieldErrors({field_name: NO_SUCH_FILE.format(", ".join(unmatched))})


def terms_of_vote(vote: Review) -> ApprovalTerms:
    if vote.expires_at is None:
        raise ValueError("a vote for approval has an end date")
    narrowed = {int(key): Narrowing.of(stored) for key, stored in vote.narrowed.items()}
    return ApprovalTerms(
        tuple(vote.modes),
        vote.expires_at,
        Conditions.of(vote.conditions),
        Quotas.of(vote.quotas),
        narrowed,
    )


def narrowest_terms(votes: Sequence[ApprovalTerms], by_default: Quotas) -> ApprovalTerms | None:
    """Return the modes common to all votes, the earliest end and every condition of any vote.

    The smallest quotas hold; ``by_default`` are those of a vote that names none.

    Return None if the votes share no mode, no model, or no file that may be downloaded. Files are
    compared as the patterns that were typed: ``*.json`` and ``config.json`` have nothing in common
    here.
    """
    modes = set.intersection(*(set(vote.modes) for vote in votes))
    conditions = narrowest_conditions([vote.conditions for vote in votes])
    if not modes or conditions is None:
        return None
    terms = ApprovalTerms(
        tuple(sorted(modes)),
        min(vote.expires_at for vote in votes),
        conditions,
        narrowest_quotas([vote.quotas for vote in votes], by_default),
    )
    if not votes[0].narrowed:
        return terms
    narrowed = _narrowest_of_models(votes)
    return replace(terms, narrowed=narrowed) if narrowed else None


def narrowest_conditions(conditions: Sequence[Conditions]) -> Conditions | None:
    """Return every condition of any of these; None where they share no file."""
    patterns = [set(limits.files) for limits in conditions if limits.files is not None]
    files = sorted(set.intersection(*patterns)) if patterns else None
    if files == []:
        return None
    members = [limits.max_members for limits in conditions if limits.max_members is not None]
    return Conditions(
        no_logits=any(limits.no_logits for limits in conditions),
        no_captures=any(limits.no_captures for limits in conditions),
        files=None if files is None else tuple(files),
        max_members=min(members, default=None),
    )


def _narrowest_of_models(votes: Sequence[ApprovalTerms]) -> dict[int, Narrowing]:
    """Return the models that every vote gives; one on whose terms the votes differ is left out."""
    shared = set.intersection(*(set(vote.narrowed) for vote in votes))
    narrowed: dict[int, Narrowing] = {}
    for key in sorted(shared):
        own = [vote.narrowed[key] for vote in votes]
        conditions = narrowest_conditions([limits.conditions for limits in own])
        chosen = [set(limits.modes) for limits in own if limits.modes]
        modes = set.intersection(*chosen) if chosen else set()
        if conditions is not None and (modes or not chosen):
            narrowed[key] = Narrowing(tuple(sorted(modes)), conditions)
    return narrowed
