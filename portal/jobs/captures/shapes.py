"""Read the shape of a hosted model, as far as captures and interventions need it."""

from __future__ import annotations

from functools import lru_cache

from inference.config import OptConfig
from inference.errors import ConfigError
from inference.model_files.json_files import MAX_BYTES
from portal.catalog.models import File, Revision
from portal.jobs.errors import BadParameter
from portal.parsing.json import read_object
from portal.storage import blob_store

CONFIG = "config.json"


def shape_of(revision: Revision) -> OptConfig | None:
    """Return the shape of a model that our engine runs; None for any other."""
    return _shape(revision.pk, revision.commit)


def require_shape(revision: Revision, field: str) -> OptConfig:
    """Return the shape. Raises BadParameter where the model's engine can't look inside."""
    shape = shape_of(revision)
    if shape is None:
        raise BadParameter(
            f"{field} is not supported for this model: the engine that serves it can’t look "
            "inside. Leave it out, or ask another model.",
            field=field,
        )
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
