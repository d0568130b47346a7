from django.db import migrations, models

import portal.request_ids


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0004_who_caused_a_letter'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='http_request_id',
            field=models.CharField(blank=True, db_default='', default=portal.request_ids.http_request_id, editable=False, max_length=32),
        ),
    ]
