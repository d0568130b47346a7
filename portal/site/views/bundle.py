"""The bundle of evidence of one request, for its team and for its applicant."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from portal.accounts.views import signed_in
from portal.site.services.bundles import make_bundle


@login_required
@never_cache
def bundle(request: HttpRequest, request_id: int) -> HttpResponse:
    """At either address: who asks says which of the two it is."""
    made = make_bundle(reader=signed_in(request), request_id=request_id, now=timezone.now())
    headers = {"Content-Disposition": f'attachment; filename="{made.filename}"'}
    return HttpResponse(made.content, content_type="application/zip", headers=headers)
