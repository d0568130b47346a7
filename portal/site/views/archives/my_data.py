"""Export what the portal holds about the user, by POST, as that is recorded."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from portal.accounts.views import signed_in
from portal.forms.pages import posted_from
from portal.site.services.my_data import export_own_data


@posted_from("accounts:profile")
@never_cache
def my_data(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    content = export_own_data(person=signed_in(request), now=now)
    headers = {"Content-Disposition": f'attachment; filename="my-data-{now:%Y%m%d}.zip"'}
    return HttpResponse(content, content_type="application/zip", headers=headers)
