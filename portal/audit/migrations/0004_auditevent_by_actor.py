from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_auditevent_salt")]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["actor", "type", "at"], name="audit_event_by_actor"),
        ),
    ]
