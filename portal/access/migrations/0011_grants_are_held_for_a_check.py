import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0010_standing_holds_cover_their_bytes'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='grant',
            name='offered_or_started',
        ),
        migrations.RemoveConstraint(
            model_name='screening',
            name='screens_a_snapshot_or_a_member',
        ),
        migrations.AddField(
            model_name='grant',
            name='held_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='screening',
            name='due_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='screening',
            name='grant',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='screenings', to='access.grant'),
        ),
        migrations.AlterField(
            model_name='screening',
            name='membership',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='screenings', to='access.membership'),
        ),
        migrations.AddIndex(
            model_name='screening',
            index=models.Index(condition=models.Q(('disposed_at', None), ('due_at__isnull', False)), fields=['due_at'], name='checks_by_due_date'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(('offered_at__isnull', False), ('held_at__isnull', False), ('starts_at__isnull', False), _connector='OR'), name='offered_held_or_started'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(('held_at', None), ('acceptance__isnull', False), _connector='OR'), name='a_held_grant_is_signed'),
        ),
        migrations.AddConstraint(
            model_name='screening',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('grant', None), ('membership', None), ('submission__isnull', False)), models.Q(('grant__isnull', False), ('membership', None), ('submission', None)), models.Q(('grant', None), ('membership__isnull', False), ('submission', None)), _connector='OR'), name='screens_one_thing'),
        ),
    ]
