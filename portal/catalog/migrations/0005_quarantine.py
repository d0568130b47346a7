"""Add quarantine: what was published before it counts as passed."""

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def pass_what_stands(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("catalog", "Revision")._base_manager.update(passed_at=models.F("created_at"))


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0004_pickle_scans'),
    ]

    operations = [
        migrations.CreateModel(
            name='LoadTrial',
            fields=[
                ('digest', models.CharField(max_length=64, primary_key=True, serialize=False, validators=[django.core.validators.RegexValidator('^[0-9a-f]{64}$')])),
                ('facts', models.JSONField(default=dict)),
                ('tried_at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='blob',
            name='examination',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='blob',
            name='examined_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='revision',
            name='passed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='RevisionCheck',
            fields=[
                ('revision', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='check_state', serialize=False, to='catalog.revision')),
                ('state', models.CharField(choices=[('checking', 'Being checked'), ('incomplete', 'Incomplete'), ('failed', 'Failed its check'), ('passed', 'Passed')], default='checking', max_length=10)),
                ('missing', models.JSONField(default=list)),
                ('problems', models.JSONField(default=list)),
                ('warnings', models.JSONField(default=list)),
                ('read_bytes', models.BigIntegerField(default=0)),
                ('total_bytes', models.BigIntegerField(default=0)),
                ('path', models.CharField(blank=True, max_length=500)),
                ('attempt', models.PositiveIntegerField(default=0)),
                ('lease_until', models.DateTimeField(null=True)),
                ('received_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'checking')), fields=['received_at'], name='checks_to_be_done')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('state', 'checking')), models.Q(models.Q(('state', 'checking'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='an_ended_check_has_its_time')],
            },
        ),
        migrations.CreateModel(
            name='PendingRef',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('branch', 'Branch'), ('tag', 'Tag')], max_length=6)),
                ('name', models.CharField(max_length=200)),
                ('repo', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pending_refs', to='catalog.modelrepo')),
                ('revision', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pending_refs', to='catalog.revision')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('repo', 'kind', 'name'), name='one_pending_ref')],
            },
        ),
        migrations.RunPython(pass_what_stands, migrations.RunPython.noop),
    ]
