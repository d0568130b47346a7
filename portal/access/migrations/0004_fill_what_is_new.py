"""Give rows from before what later code relies on."""

from datetime import timedelta

from django.db import migrations


def fill(apps, schema_editor):
    Question = apps.get_model("access", "Question")
    for question in Question.objects.filter(deadline_at=None).iterator():
        question.deadline_at = question.asked_at + timedelta(days=30)
        question.save(update_fields=["deadline_at"])
    Submission = apps.get_model("access", "Submission")
    newest = Submission.objects.order_by("-number")
    Decision = apps.get_model("access", "Decision")
    for decision in Decision.objects.filter(submission=None).iterator():
        decision.submission = newest.filter(request=decision.request_id).first()
        decision.undo_until = decision.decided_at
        decision.save(update_fields=["submission", "undo_until"])
    AccessRequest = apps.get_model("access", "AccessRequest")
    for request in AccessRequest.objects.exclude(submitted_at=None).iterator():
        answers = newest.filter(request=request.pk).values_list("answers", flat=True).first() or {}
        request.organization_name = str(answers.get("organization") or "")[:200]
        request.sector = str(answers.get("sector") or "")[:14]
        request.country = str(answers.get("country") or "")[:2]
        request.save(update_fields=["organization_name", "sector", "country"])


class Migration(migrations.Migration):
    dependencies = [("access", "0003_teams_holds_members_and_renewals")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
