from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "portal.jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Lend the holds, which stop jobs, the count of them: access doesn't import jobs."""
        from portal.access.holds.impact import count_jobs_with
        from portal.jobs.models import Job

        count_jobs_with(lambda *bound: Job.objects.stopped_by(*bound).count())
