"""Find the licence terms that a model's outputs are under, as answers and pages carry them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from portal.access.grants.governing_licence import governing_version
from portal.catalog.models import LicenceVersion, Mode
from portal.jobs.models import Job

NOTICE = _("Outputs carry the licence’s terms.")


def terms_of(job: Job) -> LicenceVersion | None:
    """Return the licence text that governed when the job was made."""
    return governing_version(job.person, job.repo, Mode.INFERENCE, job.created_at)


def notice(version: LicenceVersion) -> str:
    """Return the licence's sentence about outputs, or a general one."""
    return str(version.terms.get("outputs") or NOTICE)


def metadata(version: LicenceVersion | None) -> dict[str, Any]:
    """Return the field that completions have besides OpenAI's; clients keep unknown fields."""
    if version is None:
        return {}
    licence = {
        "name": version.licence.name,
        "version": version.version,
        "sha256": version.sha256,
        "url": f"{settings.BASE_URL}{version.path}",
        "attribution": version.attribution,
        "outputs": notice(version),
    }
    return {"x_weightgate": {"licence": licence}}
