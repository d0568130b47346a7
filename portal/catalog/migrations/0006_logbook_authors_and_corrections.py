from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0005_revisions_are_signed'),
    ]

    operations = [
        migrations.AddField(
            model_name='logbookentry',
            name='author',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='logbookentry',
            name='correction',
            field=models.CharField(blank=True, choices=[('corrects', 'Corrects'), ('voids', 'Voids'), ('reverts', 'Reverts')], max_length=8),
        ),
    ]
