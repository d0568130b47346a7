from datetime import timedelta

from django.db import migrations
from django.db.models import F

WEEK = timedelta(days=7)


def forwards(apps, schema_editor):
    """Clear the hold of members who have joined, and make open checks due after a week."""
    Membership = apps.get_model("access", "Membership")
    Screening = apps.get_model("access", "Screening")
    Membership.objects.filter(joined_at__isnull=False).update(held_at=None)
    held = Screening.objects.filter(membership__held_at__isnull=False, disposed_at=None)
    held.exclude(outcome="clear").update(due_at=F("screened_at") + WEEK)


class Migration(migrations.Migration):

    dependencies = [
        ("access", "0011_grants_are_held_for_a_check"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
