"""Open the playground’s form: for text or for chat, empty, as it was sent, or gone on with."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import QueryDict

from portal.accounts.models import User
from portal.catalog.models import ModelRepo
from portal.jobs.errors import PromptForgotten
from portal.jobs.playground.chat_form import CHAT, TEXT, ChatPlaygroundForm, with_reply
from portal.jobs.playground.forms import PlaygroundForm
from portal.jobs.playground.playable import PlayableModel, shapes_inside
from portal.jobs.services import find_job
from portal.jobs.streaming.event_log import so_far


def form_for(
    playable: list[PlayableModel], mode: str, *, also: ModelRepo | None = None, **filled: Any
) -> PlaygroundForm:
    """Build the form; ``also`` is a model asked for before, though it can be prompted no more."""
    kind = ChatPlaygroundForm if mode == CHAT else PlaygroundForm
    offered = [model for model in playable if mode != CHAT or model.talks]
    names = [model.name for model in offered]
    if also is not None and also.full_name not in names:
        names.append(also.full_name)
    scored = [model.name for model in offered if model.is_scored]
    form = kind(models=names, scored=scored, inside=shapes_inside(offered), **filled)
    form.has_modes = form.is_chat or any(model.talks for model in playable)
    return form


def start(query: QueryDict, playable: list[PlayableModel]) -> tuple[str, dict[str, Any]]:
    """Return the mode, and the first values: the model that the address names, if it is open.

    A model that talks is talked to, unless the address says otherwise.
    """
    named = [model for model in playable if model.name == query.get("model")]
    talking = [model for model in named or playable if model.talks]
    mode = query.get("mode") or (CHAT if (named or playable)[0].talks else TEXT)
    chosen = (talking if mode == CHAT and talking else named or playable)[0]
    initial = {"model": chosen.name, "logprobs": chosen.is_scored}
    return (CHAT if mode == CHAT and chosen.talks else TEXT), initial


def answered(person: User, data: QueryDict) -> tuple[QueryDict, str]:
    """Return what was sent as a chat that goes on, where a reply was, or why it can’t."""
    try:
        job_id = UUID(str(data.get("replies_to", "")))
    except ValueError:
        return data, ""
    job = find_job(person=person, job_id=job_id)
    answer = "".join(event.text for event in so_far(job)[0] if event.choice == 0)
    if job.chat is None or not answer:
        return data, PromptForgotten().message
    return with_reply(data, job, answer), ""


def with_seed(posted: QueryDict) -> QueryDict:
    """Return what was sent, with the last run's seed where its button was pressed."""
    data = posted.copy()
    if "seed_again" in data:
        data["seed"] = str(data["seed_again"])
    return data
