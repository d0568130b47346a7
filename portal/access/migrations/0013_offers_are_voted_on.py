import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0012_held_means_held_now'),
        ('catalog', '0007_blobs_are_checked'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='OfferVote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('modes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('download', 'Download'), ('inference', 'Hosted inference')], max_length=9), size=None)),
                ('conditions', models.JSONField(default=dict)),
                ('expires_at', models.DateTimeField()),
                ('cast_at', models.DateTimeField()),
                ('voided_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['cast_at', 'pk'],
            },
        ),
        migrations.AddField(
            model_name='offervote',
            name='person',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offer_votes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='offervote',
            name='repo',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offer_votes', to='catalog.modelrepo'),
        ),
        migrations.AddField(
            model_name='offervote',
            name='voter',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='offervote',
            constraint=models.UniqueConstraint(condition=models.Q(('voided_at', None)), fields=('repo', 'person', 'voter'), name='one_vote_for_an_offer_each'),
        ),
    ]
