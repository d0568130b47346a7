"""Mark waiting requests as not clear where proof and claim name different organizations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

from portal.access.screening.claimed_affiliations import names_agree


def weigh(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    now = timezone.now()
    waiting = apps.get_model("access", "AccessRequest").objects.filter(
        state__in=["held", "in_review", "needs_info"], evidence_is_clear=True
    )
    for access_request in waiting.exclude(organization_name="").iterator():
        proved = _proved(apps, access_request.applicant_id, now)
        said = access_request.organization_name
        if proved and not any(names_agree(said, name) for name in proved):
            access_request.evidence_is_clear = False
            access_request.save(update_fields=["evidence_is_clear"])


def _proved(apps: Apps, person_id: int, now: datetime) -> list[Any]:
    standing = apps.get_model("accounts", "Affiliation").objects.filter(
        person_id=person_id, ended_at=None, proved_at__lte=now, expires_at__gt=now
    )
    return list(standing.values_list("organization__name", flat=True))


class Migration(migrations.Migration):
    dependencies = [("access", "0014_standing_grants_are_screened")]

    operations = [migrations.RunPython(weigh, migrations.RunPython.noop)]
