"""How a letter about a request is put into the outbox."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.access.models import AccessRequest
from portal.outbox.services import queue_letter


def send_about(
    access_request: AccessRequest,
    *,
    kind: str,
    key: str,
    subject: str,
    paragraphs: list[str],
    act_label: str,
    now: datetime,
) -> None:
    repo = access_request.repo
    page = reverse("access:request", args=[access_request.pk])
    queue_letter(
        key=f"request-{access_request.pk}-{key}",
        kind=kind,
        recipient=access_request.applicant,
        subject=f"{subject} ({repo.full_name}, request {access_request.reference})",
        paragraphs=paragraphs,
        act_label=act_label,
        act_url=f"{settings.BASE_URL}{page}",
        reference=access_request.reference,
        team=f"{repo.namespace.display_name} access team",
        now=now,
    )
