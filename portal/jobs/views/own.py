"""The list of one's jobs, and what is done from it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from portal.access.errors import Refused
from portal.accounts.tokens.authentication import session_caller
from portal.accounts.views import signed_in
from portal.errors import DomainError
from portal.forms.pages import posted_from
from portal.jobs.errors import JobHasEnded, JobNotFound
from portal.jobs.models import Job
from portal.jobs.own.again import run_again
from portal.jobs.own.batches import open_batches
from portal.jobs.own.forms import JobFiltersForm
from portal.jobs.own.listing import models_of_own, own_jobs, sums_of_own
from portal.jobs.playground.playable import quotas_of
from portal.jobs.playground.presentation import with_act
from portal.jobs.services import cancel_job
from portal.jobs.serving.places import progress_now

PAGE_SIZE = 25


@require_safe
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    """List one's jobs, a page at a time. A wrong filter is named, and the others hold."""
    person, now = signed_in(request), timezone.now()
    form = JobFiltersForm(request.GET, models=models_of_own(person))
    is_valid = form.is_valid()
    filters = form.filters
    page = Paginator(own_jobs(person, filters), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "filters": filters,
        "page": page,
        "rows": [(job, progress_now(job, now)) for job in page],
        "sums": sums_of_own(person, filters),
        "quotas": quotas_of(person, now),
        "batches": open_batches(session_caller(request), now),
    }
    return render(request, "jobs/jobs.html", context, status=200 if is_valid else 422)


def _back(request: HttpRequest, job_id: UUID) -> HttpResponseRedirect:
    """Lead back to the place in the list where the button was pressed."""
    query = f"?{urlencode(request.GET, doseq=True)}" if request.GET else ""
    return HttpResponseRedirect(f"{redirect('jobs:jobs').url}{query}#state-{job_id}")


@posted_from("jobs:jobs")
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    try:
        cancel_job(person=signed_in(request), job_id=job_id, now=timezone.now())
    except JobHasEnded as error:
        messages.info(request, error.message)
    return _back(request, job_id)


@posted_from("jobs:jobs")
def again(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Run a job again and lead to the new one, or back to the list with why not."""
    try:
        job = run_again(
            caller=session_caller(request),
            job_id=job_id,
            now=timezone.now(),
            source=Job.Source.PLAYGROUND,
        )
    except Refused as error:
        messages.error(request, with_act(error.refusal))
    except JobNotFound:
        raise
    except DomainError as error:
        messages.error(request, error.message)
    else:
        return redirect("jobs:job", job.pk)
    return _back(request, job_id)
