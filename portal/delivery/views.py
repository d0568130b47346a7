"""Serve signed links. No cookie and no token counts here: the signature is the permission."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from portal.delivery.services import open_link
from portal.delivery.streaming.serving import serve


@csrf_exempt
@require_safe
def link(request: HttpRequest, signed: str, filename: str) -> HttpResponseBase:
    """Serve a file by its signed link. Access is checked once, before the first byte."""
    now = timezone.now()
    opened, file = open_link(signed, filename, now=now)
    return serve(request, opened, file, now=now)
