"""List, stop and run again one's own jobs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.base.permissions import HasInferScope
from portal.api.base.views import ApiListView, ApiRetrieveView, ApiView
from portal.api.jobs.serializers import JobFiltersInput, JobOutput
from portal.jobs.errors import JobNotFound
from portal.jobs.models import Job
from portal.jobs.own.again import run_again
from portal.jobs.own.listing import JobFilters, own_jobs
from portal.jobs.services import cancel_job


class OwnJobsMixin(ApiView):
    """A view of the caller's jobs on the models that the token is for, without batches' lines."""

    permission_classes = write_permission_classes = [HasInferScope]
    serializer_class = JobOutput

    def get_queryset(self) -> QuerySet[Job]:
        return self.within(own_jobs(self.user, JobFilters(**self.filters)))

    def get_object(self) -> Job:
        return self.find(self.kwargs["job_id"])

    def find(self, job_id: Any) -> Job:
        try:
            job = self.get_queryset().filter(pk=UUID(str(job_id))).first()
        except ValueError:
            job = None
        if job is None:
            raise JobNotFound
        return job


@extend_schema_view(get=extend_schema(operation_id="list_jobs"))
class JobListView(OwnJobsMixin, ApiListView):
    """List the caller's jobs, the newest first, without what was asked and answered."""

    filter_serializer_class = JobFiltersInput


@extend_schema_view(get=extend_schema(operation_id="show_job"))
class JobView(OwnJobsMixin, ApiRetrieveView):
    """Show one job, without what was asked and answered."""


class JobCancelView(OwnJobsMixin):
    @extend_schema(operation_id="cancel_job")
    def post(self, request: Request, job_id: str) -> Response:
        """Stop a job: at once while it waits, by its worker while it runs."""
        job = cancel_job(person=self.user, job_id=self.get_object().pk, now=self.now)
        return Response(self.get_serializer(self.find(job.pk)).data)


class JobAgainView(OwnJobsMixin):
    @extend_schema(operation_id="run_job_again", responses={201: JobOutput})
    def post(self, request: Request, job_id: str) -> Response:
        """Run a job again: a new one, asked for in the same words, with a seed of its own."""
        job = run_again(
            caller=self.caller, job_id=self.get_object().pk, now=self.now, source=Job.Source.API
        )
        return Response(self.get_serializer(self.find(job.pk)).data, status=201)
