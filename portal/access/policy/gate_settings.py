"""A repo's gate settings, whether saved or the defaults."""

from __future__ import annotations

from portal.access.models import GateSettings
from portal.catalog.models import ModelRepo


def settings_of(repo: ModelRepo) -> GateSettings:
    """The saved row, or an unsaved one with the defaults."""
    return GateSettings.objects.filter(repo=repo).first() or GateSettings(repo=repo)
