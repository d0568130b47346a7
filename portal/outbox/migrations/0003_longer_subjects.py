from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("outbox", "0002_cancelling_bounces_letter_templates"),
    ]

    operations = [
        migrations.AlterField(
            model_name="outboxmessage",
            name="subject",
            field=models.CharField(max_length=500),
        ),
    ]
