"""The bundle of evidence of one request, for its team and for its applicant."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from portal.access.models import AccessRequest
from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.site.services.bundles import make_bundle


def _page_of(request: HttpRequest, request_id: int) -> str:
    """Find the page that offers it: the case to the team, the request to its applicant."""
    is_case = AccessRequest.objects.readable_by(signed_in(request)).filter(pk=request_id).exists()
    return reverse("access:case" if is_case else "access:request", args=[request_id])


@posted_from(_page_of)
@never_cache
def bundle(request: HttpRequest, request_id: int) -> HttpResponse:
    """Send the bundle at either address: the reader's role decides which of the two it is."""
    made = make_bundle(reader=signed_in(request), request_id=request_id, now=timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="{made.filename}"'}
    return HttpResponse(made.content, content_type="application/zip", headers=headers)
