import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts", "0004_one_account_each_address")]

    operations = [
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("email"),
                name="address_any_case",
                condition=models.Q(("email", ""), _negated=True),
            ),
        ),
    ]
