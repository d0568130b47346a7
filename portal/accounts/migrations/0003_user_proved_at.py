"""Store since when it is proved who holds an account: with a proved address, all along."""

from django.db import migrations, models
from django.db.models import F


def prove_the_proved(apps, schema_editor):
    users = apps.get_model("accounts", "User").objects
    users.filter(emailaddress__verified=True).update(proved_at=F("date_joined"))


class Migration(migrations.Migration):

    dependencies = [
        ("account", "0009_emailaddress_unique_primary_email"),
        ("accounts", "0002_organizations_and_affiliations"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="proved_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(blank=True, max_length=254, verbose_name="e-mail address"),
        ),
        migrations.RunPython(prove_the_proved, migrations.RunPython.noop),
    ]
