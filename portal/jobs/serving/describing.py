"""Describe to programs what serves a model: the engine, what it can do, and the model's shape."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from inference.capabilities import CAPABILITIES, Capability
from portal.catalog.engine_choice import engine_of
from portal.catalog.models import EngineName, ModelRepo, Revision
from portal.catalog.services.lookup import head_revision
from portal.jobs.captures.shapes import shape_of
from portal.jobs.errors import BadParameter
from portal.jobs.openai.schemas import CompletionRequest
from portal.jobs.serving.servers import ModelServer, live_servers

SHAPE = (
    "num_hidden_layers", "hidden_size", "num_attention_heads", "ffn_dim", "vocab_size",
    "max_position_embeddings", "head_dim",
)  # fmt: skip


def require_capable(
    completion_request: CompletionRequest,
    repo: ModelRepo,
    now: datetime,
    *,
    structured_by: str | None = None,
) -> None:
    """Refuse the first field that the model's engine can't do. Raises BadParameter.

    ``structured_by``: the field that asks for a structure where none of a completion's own does.
    """
    # the fields that look inside are called as the capabilities are
    needed = {name: Capability(name) for name in completion_request.inside_fields}
    if completion_request.structure is not None:
        field = structured_by or completion_request.structure_field
        needed[field] = Capability.STRUCTURED_OUTPUTS
    able = served_by(repo, now).get("capabilities", ()) if needed else ()
    for field, capability in needed.items():
        if capability not in able:
            raise unsupported(field)


def unsupported(field: str) -> BadParameter:
    return BadParameter(
        _(
            "%(field)s is not supported for this model: the engine that serves it can’t do that. "
            "Leave it out, or ask another model."
        )
        % {"field": field},
        field=field,
    )


def served_by(
    repo: ModelRepo, now: datetime, servers: Sequence[ModelServer] | None = None
) -> dict[str, Any]:
    """Return the engine that serves a repo's newest revision, or will, and what it can do.

    A live worker says so itself; without one it is known from the model's setting.
    """
    servers = live_servers(now) if servers is None else servers
    live = [server for server in servers if server.repo == repo.full_name]
    revision = _revision(repo, live)
    if revision is None:
        return {}
    engine = live[0].engine if live else engine_of(repo, revision)
    able = live[0].capabilities if live else sorted(CAPABILITIES[engine])
    shape = {"config": _sizes(revision)} if engine == EngineName.NATIVE else {}
    return {
        "engine": str(engine),
        "capabilities": list(map(str, able)),
        "tool_parser": repo.tool_parser or None,
        **shape,
    }


def _revision(repo: ModelRepo, live: Sequence[ModelServer]) -> Revision | None:
    commits = [server.commit for server in live]
    held = Revision.objects.filter(repo=repo, commit__in=commits[:1]).first()
    return held or head_revision(repo)


def _sizes(revision: Revision) -> dict[str, int] | None:
    """Return the sizes by which captures and interventions are shaped; None for no such model."""
    shape = shape_of(revision)
    return None if shape is None else {name: getattr(shape, name) for name in SHAPE}
