from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_chain_heads")]

    operations = [
        migrations.AddField(
            model_name="auditevent",
            name="salt",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
    ]
