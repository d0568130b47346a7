"""Find the shapes of this portal's models that the planner can plan."""

from __future__ import annotations

from inference.plan import Shape, shape_of
from inference.plan.shapes import NAMES
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import ModelRepo, Revision
from portal.catalog.services.lookup import find_repo, head_revision
from portal.errors import DomainError
from portal.jobs.captures.shapes import shape_of as config_shape_of


def own_models(wanted: str, caller: Caller) -> dict[str, Shape]:
    """Return the shape of the model that is asked for by its full name, if it can be planned."""
    if "/" not in wanted:
        return {}
    try:
        repo = find_repo(wanted, caller=caller)
        shape = shape_of_revision(head_revision(repo, caller=caller), repo.full_name)
    except DomainError:
        return {}
    return {} if shape is None else {repo.full_name: shape}


def shape_of_revision(revision: Revision | None, name: str) -> Shape | None:
    """Return the shape that a revision's config.json describes; None if it isn't OPT's."""
    config = config_shape_of(revision) if revision else None
    return None if config is None else shape_of(config, name)


def name_in_planner(repo: ModelRepo, revision: Revision | None) -> str:
    """Return the name by which the planner knows a model; empty if it can't plan it."""
    if shape_of_revision(revision, repo.full_name) is not None:
        return repo.full_name
    return repo.name if repo.name in NAMES else ""
