from django.db import migrations, models


class Migration(migrations.Migration):
    """A choice more; the column stays as it is."""

    dependencies = [("access", "0005_what_is_filled_stays_filled")]

    operations = [
        migrations.AlterField(
            model_name="escalation",
            name="reason",
            field=models.CharField(
                choices=[
                    ("overdue", "Past its due date"),
                    ("stranded", "Nobody on the team may decide it"),
                    ("bounced", "Letters don’t reach the applicant"),
                ],
                max_length=8,
            ),
        ),
    ]
