"""Read the shape of a hosted model, as far as captures and interventions need it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache

from inference.config import OptConfig
from inference.errors import ConfigError
from inference.model_files.json_files import MAX_BYTES
from portal.catalog.models import File, Revision
from portal.jobs.errors import BadParameter
from portal.jobs.serving.describing import served_by
from portal.parsing.json import read_object
from portal.storage import blob_store

CONFIG = "config.json"


def shape_of(revision: Revision) -> OptConfig | None:
    """Return the shape of a model that our engine runs; None for any other."""
    return _shape(revision.pk, revision.commit)


def require_shape(revision: Revision, fields: Collection[str], now: datetime) -> OptConfig:
    """Return the shape. Raises BadParameter, naming the first of these that the engine can't do.

    The names of these fields are those of an engine's capabilities.
    """
    shape = shape_of(revision)
    able = served_by(revision.repo, now).get("capabilities", ()) if shape else ()
    for field in fields:
        if shape is None or field not in able:
            raise BadParameter(
                f"{field} is not supported for this model: the engine that serves it can’t do "
                "that. Leave it out, or ask another model.",
                field=field,
            )
    if shape is None:
        raise ValueError("a model without a shape is asked for nothing inside")
    return shape


# By key and commit: the files of a revision never change.
@lru_cache(maxsize=64)
def _shape(revision_id: int, commit: str) -> OptConfig | None:
    file = File.objects.filter(revision_id=revision_id, path=CONFIG).first()
    if file is None:
        return None
    with blob_store().open(file.blob_id) as content:
        config = read_object(content.read(MAX_BYTES + 1))
    try:
        return OptConfig.from_dict(config)
    except ConfigError:
        return None
