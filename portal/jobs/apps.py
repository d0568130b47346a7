from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "portal.jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the apps below, which don't import jobs, of jobs and of blobs that are theirs."""
        from portal.access.holds.impact import count_jobs_with
        from portal.catalog.services.storage_check import also_named_by
        from portal.jobs.captures.keeping import named_by_captures
        from portal.jobs.models import Job

        count_jobs_with(lambda *bound: Job.objects.stopped_by(*bound).count())
        also_named_by(named_by_captures)
