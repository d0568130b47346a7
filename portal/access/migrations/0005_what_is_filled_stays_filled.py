import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0004_fill_what_is_new")]
    operations = [
        migrations.AlterField(
            model_name="question", name="deadline_at", field=models.DateTimeField()
        ),
        migrations.AlterField(
            model_name="decision",
            name="submission",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="access.submission",
            ),
        ),
        migrations.AlterField(
            model_name="decision", name="undo_until", field=models.DateTimeField()
        ),
    ]
