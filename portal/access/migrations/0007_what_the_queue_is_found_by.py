from django.apps.registry import Apps
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left

UNDECIDED = models.Q(state__in=["held", "in_review", "needs_info"])
IN_ORDER = {
    "queue_by_state": "state",
    "queue_by_sector": "sector",
    "queue_by_country": "country",
    "queue_by_evidence_is_clear": "evidence_is_clear",
    "queue_by_organization": "organization_name",
}


def fill_was_asked(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    requests = apps.get_model("access", "AccessRequest").objects
    requests.filter(questions__isnull=False).update(was_asked=True)


def index(name: str, condition: models.Q, *fields: str) -> migrations.AddIndex:
    return migrations.AddIndex(
        model_name="accessrequest",
        index=models.Index(name=name, fields=[*fields], condition=condition),
    )


class Migration(migrations.Migration):
    dependencies = [("access", "0006_escalated_since_letters_bounce")]

    operations = [
        migrations.AddField(
            model_name="accessrequest",
            name="searched",
            field=models.GeneratedField(
                db_persist=True,
                expression=SearchVector(
                    "organization_name",
                    Left(KeyTextTransform("name", "draft"), 20000),
                    Left(KeyTextTransform("organization", "draft"), 20000),
                    Left(KeyTextTransform("purpose", "draft"), 20000),
                    Left(KeyTextTransform("outputs", "draft"), 20000),
                    config="simple",
                ),
                output_field=SearchVectorField(),
            ),
        ),
        migrations.AddField(
            model_name="accessrequest",
            name="was_asked",
            field=models.BooleanField(default=False),
        ),
        *(
            index(name, UNDECIDED, "repo", column, "submitted_at", "id")
            for name, column in IN_ORDER.items()
        ),
        index(
            "queue_by_was_asked", UNDECIDED, "repo", "state", "was_asked", "submitted_at", "id"
        ),
        index("queue_by_due_date", UNDECIDED, "repo", "due_at", "id"),
        index(
            "queue_of_escalated",
            UNDECIDED & models.Q(escalation_level__gt=0),
            "repo",
            "submitted_at",
            "id",
        ),
        index("escalated_by_age", models.Q(escalation_level__gt=0), "submitted_at", "id"),
        migrations.AddIndex(
            model_name="accessrequest",
            index=GinIndex(fields=["searched"], name="searched_words"),
        ),
        migrations.RunPython(fill_was_asked, migrations.RunPython.noop),
    ]
