"""Tell which models a grant opens: its own repo, or what covers those of a collection."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from portal.access.models import Coverage, Grant
from portal.access.policy.conditions import Conditions
from portal.access.policy.gate_settings import settings_of
from portal.access.policy.quotas import Quotas, in_force, quota_words
from portal.catalog.models import Mode, ModelRepo
from portal.formatting import enumerated

HOSTED_ONLY = _("Hosted use only: the model runs here, and its files aren’t handed out.")


@dataclass(frozen=True)
class CoveredModel:
    """A model that a grant opens, with what limits it there beyond the grant's own terms."""

    repo: ModelRepo
    modes: tuple[str, ...]
    narrower: tuple[str, ...]


def standing_coverage(grant: Grant) -> list[Coverage]:
    """Return the rows of a grant's coverage that weren't ended; a plain grant has none.

    Lists prefetch ``coverage__repo__namespace``; then this asks nothing of the database.
    """
    if grant.collection_id is None:
        return []
    fetched = getattr(grant, "_prefetched_objects_cache", {})
    rows = grant.coverage.all()
    if "coverage" not in fetched:
        rows = rows.select_related("repo__namespace")
    return [row for row in rows if row.ended_at is None]


def covered_repos(grant: Grant) -> list[ModelRepo]:
    """Return the models that a grant opens while it is active; at least one."""
    return [row.repo for row in standing_coverage(grant)] or [grant.repo]


def modes_by_repo(grant: Grant) -> dict[ModelRepo, list[str]]:
    """Return the modes in which a grant opens each of its models."""
    return {row.repo: row.modes for row in standing_coverage(grant)} or {grant.repo: grant.modes}


def opened_words(grant: Grant) -> str:
    """Say which models are open by a grant, as the start of a sentence: “lab/a and lab/b are open”.

    The repo of a grant through a collection is its lead, which may not be among them.
    """
    names = [repo.full_name for repo in covered_repos(grant)]
    words = ngettext("%(models)s is open", "%(models)s are open", len(names))
    return words % {"models": enumerated(names)}


def licensed_repo(grant: Grant) -> ModelRepo:
    """Return the model whose licence a grant goes by: all that it covers stand under one."""
    return covered_repos(grant)[0]


def covered_models(grant: Grant) -> list[CoveredModel]:
    """Return each model of a grant through a collection; none for a plain grant."""
    common = conditions_words(grant.modes, grant.conditions)
    return [
        CoveredModel(row.repo, tuple(row.modes), _beyond(row, common))
        for row in standing_coverage(grant)
    ]


def conditions_words(modes: list[str], conditions: dict[str, object]) -> list[str]:
    """Write each condition as a sentence, and say first where files can't be downloaded."""
    words = Conditions.of(conditions).words()
    return words if Mode.DOWNLOAD in modes else [str(HOSTED_ONLY), *words]


def _beyond(row: Coverage, common: list[str]) -> tuple[str, ...]:
    own = conditions_words(row.modes, row.conditions)
    return tuple(words for words in own if words not in common)


def quotas_of(grant: Grant) -> Quotas:
    """Return the quotas in force: the grant's own, else those of its gate."""
    return in_force(Quotas.of(grant.quotas), settings_of(grant.repo))


def quotas_in_words(grant: Grant) -> str:
    """Write the quotas in force as a sentence; "" where the grant gives no hosted use.

    Captures aren't counted out to who may make none.
    """
    if Mode.INFERENCE not in grant.modes:
        return ""
    quotas = quotas_of(grant)
    if Conditions.of(grant.conditions).forbids_captures:
        quotas = quotas.without_captures()
    return quota_words(quotas)


def words_on_models(grant: Grant) -> list[str]:
    """Write which models a grant through a collection opens, and what is narrower for each."""
    models = covered_models(grant)
    if not models:
        return []
    names = ", ".join(model.repo.full_name for model in models)
    narrower = [
        gettext("For %(model)s: %(conditions)s")
        % {"model": model.repo.full_name, "conditions": " ".join(model.narrower)}
        for model in models
        if model.narrower
    ]
    return [gettext("It opens %(names)s.") % {"names": names}, *narrower]


def grant_words(grant: Grant) -> list[str]:
    """Write all that limits a grant: its conditions, then its models."""
    return [*conditions_words(grant.modes, grant.conditions), *words_on_models(grant)]
