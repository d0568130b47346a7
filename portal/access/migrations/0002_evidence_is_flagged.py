from __future__ import annotations

from typing import Any

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

UNDECIDED = models.Q(("state__in", ["held", "in_review", "needs_info"]))


def take_back_what_was_not_compared(apps: Any, schema_editor: Any) -> None:
    """List nothing as clear that the new rule hasn't assessed; the clock assesses it within
    minutes."""
    waiting = apps.get_model("access", "AccessRequest").objects.filter(UNDECIDED)
    waiting.filter(evidence_is_clear=True).update(evidence_is_clear=False)


class Migration(migrations.Migration):

    dependencies = [
        ("access", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="accessrequest",
            name="evidence_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="accessrequest",
            name="evidence_flags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=24), default=list, size=None
            ),
        ),
        migrations.RunPython(take_back_what_was_not_compared, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="accessrequest",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=UNDECIDED, fields=["evidence_flags"], name="queue_by_flags"
            ),
        ),
        migrations.AddIndex(
            model_name="accessrequest",
            index=models.Index(
                condition=UNDECIDED, fields=["evidence_at"], name="evidence_by_age"
            ),
        ),
    ]
