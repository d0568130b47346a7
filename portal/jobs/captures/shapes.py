"""Read the shape of a hosted model, as far as captures and interventions need it."""

from __future__ import annotations

from inference.config import OptConfig
from inference.errors import ConfigError
from portal.catalog.errors import EntryNotFound
from portal.catalog.models import Revision
from portal.catalog.services.model_config import config_of


def shape_of(revision: Revision) -> OptConfig | None:
    """Return the shape of a model that our engine runs; None for any other."""
    try:
        return OptConfig.from_dict(config_of(revision))
    except (ConfigError, EntryNotFound):
        return None
