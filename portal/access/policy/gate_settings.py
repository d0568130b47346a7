"""Settings of a repo's gate, saved or by default."""

from __future__ import annotations

from portal.access.models import GateSettings
from portal.catalog.models import ModelRepo
from portal.database.once import once


@once(lambda repo: repo.pk)
def settings_of(repo: ModelRepo) -> GateSettings:
    """Return the saved row of a repo's settings, or an unsaved one with the defaults."""
    return GateSettings.objects.filter(repo=repo).first() or GateSettings(repo=repo)
