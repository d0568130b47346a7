"""The letter to a writer whose prompt an operator may read."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy

from portal.accounts.models import User
from portal.jobs.disclosure.models import JobDisclosure
from portal.outbox.services import queue_letter
from portal.outbox.templates import fill, words_in
from portal.text.bidi import isolated
from portal.text.languages import language_of

KIND = "prompt_disclosed"


def tell_writer(disclosure: JobDisclosure, now: datetime) -> None:
    """Tell the writer at once who may read what, why and until when."""
    job = disclosure.job
    confirmed = disclosure.confirmed_by
    facts = {
        "operator": isolated(disclosure.asked_by.display_name),
        "model": job.repo.full_name,
        "job": str(job.pk),
        "sent": f"{job.created_at:%Y-%m-%d %H:%M} UTC",
        "until": f"{disclosure.opens_until:%Y-%m-%d %H:%M} UTC",
        "reason": disclosure.reason,
    }
    with translation.override(language := language_of(job.person)):
        facts["confirmed"] = _confirmed_by(confirmed)
        letter = fill(words_in("jobs/mail/prompt_disclosed.txt"), facts)
    queue_letter(
        key=f"disclosure-{disclosure.pk}",
        kind=KIND,
        recipient=job.person,
        subject=letter.subject,
        paragraphs=letter.paragraphs,
        act_label=gettext_lazy("See the job"),
        act_url=settings.BASE_URL + reverse("jobs:job", args=[job.pk]),
        reference="",
        team=settings.SITE_NAME,
        language=language,
        now=now,
    )


def _confirmed_by(person: User | None) -> str:
    if person is None:
        return ""
    return gettext(", confirmed by %(name)s") % {"name": isolated(person.display_name)}
