from django.db import migrations


def cover(apps, schema_editor):
    """Give each standing hold on a revision the large files of that revision."""
    held_blob = apps.get_model("access", "HeldBlob")
    file = apps.get_model("catalog", "File")
    holds = apps.get_model("access", "Hold").objects.filter(scope="revision", lifted_at=None)
    for hold in holds.iterator():
        large = file._base_manager.filter(revision_id=hold.revision_id, lfs=True)
        blobs = large.order_by().values_list("blob_id", flat=True).distinct()
        held_blob.objects.bulk_create(
            [held_blob(hold=hold, blob_id=sha256) for sha256 in blobs], ignore_conflicts=True
        )


class Migration(migrations.Migration):
    dependencies = [("access", "0009_holds_follow_the_bytes")]
    operations = [migrations.RunPython(cover, migrations.RunPython.noop)]
