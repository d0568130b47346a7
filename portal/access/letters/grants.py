"""Letters about a grant after it was given."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from portal.access.models import Grant
from portal.access.refusals import whole_date
from portal.outbox.services import queue_letter


def send_revocation(grant: Grant, *, reason: str, now: datetime) -> None:
    repo = grant.repo
    queue_letter(
        key=f"grant-{grant.pk}-revoked",
        kind="revocation",
        recipient=grant.person,
        subject=f"Your access has ended ({repo.full_name})",
        paragraphs=[
            f"We ended your access to {repo.full_name} on {whole_date(now)}. The reason:",
            reason,
            "Tokens and links no longer open it, and running jobs stop. What the licence asks of "
            "you after its end still holds.",
        ],
        act_label="See the model",
        act_url=f"{settings.BASE_URL}/{repo.full_name}",
        reference=grant.reference,
        team=f"{repo.namespace.display_name} access team",
        now=now,
    )
