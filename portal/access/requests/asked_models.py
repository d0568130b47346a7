"""Tell which models a request through a collection may ask for, and which it asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from portal.access.models import AccessRequest
from portal.access.requests.form.questions import requestable_modes
from portal.accounts.models import User
from portal.catalog.collections.reading import collection_of, members_of
from portal.catalog.models import Collection, Mode, ModelRepo

CHOOSE_MODELS = _("Choose at least one of the models that this collection offers.")


def asked_through(repo: ModelRepo) -> Collection | None:
    """Return the collection by which a repo is asked for, or None if it is asked for by itself."""
    collection = collection_of(repo)
    if collection is None or not is_asked_together(repo, collection):
        return None
    return collection


def is_asked_together(repo: ModelRepo, collection: Collection) -> bool:
    """Tell whether a member is asked for by the collection's request."""
    return repo.takes_requests and collection.lead.deleted_at is None


def askable_models(collection: Collection, person: User) -> list[ModelRepo]:
    """Return the members, in order, that one request asks for together and the person may see."""
    return [repo for repo in members_of(collection, person) if is_asked_together(repo, collection)]


def models_to_choose(access_request: AccessRequest) -> list[ModelRepo]:
    """Return the models that a request's answer may name; none for a request without collection.

    What was chosen before stays on offer, even if it has left the collection since.
    """
    if access_request.collection is None:
        return []
    offered = askable_models(access_request.collection, access_request.applicant)
    keys = {repo.pk for repo in offered}
    chosen = [repo for repo in models_asked_for(access_request) if repo.pk not in keys]
    return [*offered, *chosen]


def models_asked_for(access_request: AccessRequest) -> list[ModelRepo]:
    """Return the models of a submitted request: its repo, or those chosen of a collection."""
    if access_request.collection_id is None:
        return [access_request.repo]
    return list(access_request.chosen.select_related("namespace", "licence"))


def chosen_models(access_request: AccessRequest) -> list[ModelRepo]:
    """Return the models chosen of a collection; none for a request without one."""
    return models_asked_for(access_request) if access_request.collection_id else []


def named_models(answers: Mapping[str, Any], models: Iterable[ModelRepo]) -> list[ModelRepo]:
    """Return those of these models that the answer ``models`` names."""
    named = answers.get("models")
    names = {str(name) for name in named} if isinstance(named, list) else set()
    return [repo for repo in models if repo.full_name in names]


def modes_of(models: Iterable[ModelRepo]) -> list[Mode]:
    """Return the modes that reviewers decide on for at least one of these models."""
    offered = {mode for repo in models for mode in requestable_modes(repo)}
    return [mode for mode in Mode if mode in offered]


def choice_errors(answers: Mapping[str, Any], models: Iterable[ModelRepo]) -> dict[str, str]:
    """Return what to do about the choice of models, and about modes that don't fit it."""
    choice, named = list(models), answers.get("models")
    chosen = named_models(answers, choice)
    if not chosen or not isinstance(named, list) or len(chosen) != len(set(map(str, named))):
        return {"models": str(CHOOSE_MODELS)}
    modes = answers.get("modes")
    wanted = set(map(str, modes)) if isinstance(modes, list) else set()
    for repo in chosen:
        offered = [str(mode) for mode in requestable_modes(repo)]
        if wanted and not wanted & set(offered):
            return {
                "models": _(
                    "%(model)s is asked for by %(modes)s alone: choose that too, or leave this "
                    "model out."
                )
                % {"model": repo.full_name, "modes": " or ".join(offered)}
            }
    return {}


def gates_in_words(repo: ModelRepo) -> str:
    """Say what stands before each mode of a model, as in "Download: by request"."""
    words = [f"{mode.label}: {repo.gate(mode).label.lower()}" for mode in Mode]
    return "; ".join(words)
