"""The letter to a writer whose prompt an operator may read."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from portal.jobs.disclosure.models import JobDisclosure
from portal.outbox.services import queue_letter
from portal.outbox.templates import fill, words_in
from portal.text.bidi import isolated

KIND = "prompt_disclosed"


def tell_writer(disclosure: JobDisclosure, now: datetime) -> None:
    """Tell the writer at once who may read what, why and until when."""
    job = disclosure.job
    confirmed = disclosure.confirmed_by
    facts = {
        "operator": isolated(disclosure.asked_by.display_name),
        "confirmed": f", confirmed by {isolated(confirmed.display_name)}" if confirmed else "",
        "model": job.repo.full_name,
        "job": str(job.pk),
        "sent": f"{job.created_at:%Y-%m-%d %H:%M} UTC",
        "until": f"{disclosure.opens_until:%Y-%m-%d %H:%M} UTC",
        "reason": disclosure.reason,
    }
    letter = fill(words_in("jobs/mail/prompt_disclosed.txt"), facts)
    queue_letter(
        key=f"disclosure-{disclosure.pk}",
        kind=KIND,
        recipient=job.person,
        subject=letter.subject,
        paragraphs=letter.paragraphs,
        act_label="See the job",
        act_url=settings.BASE_URL + reverse("jobs:job", args=[job.pk]),
        reference="",
        team=settings.SITE_NAME,
        now=now,
    )
