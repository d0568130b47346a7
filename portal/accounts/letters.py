"""The letters of a reference: the question, and word to the person that it is answered."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from portal.accounts.models import Reference
from portal.outbox.services import queue_letter, queue_mail


def mail_question(reference: Reference, secret: str, now: datetime) -> None:
    """The letter alone holds the secret; here is only its hash."""
    context = {
        "reference": reference,
        "person": reference.person,
        "site_name": settings.SITE_NAME,
        "url": settings.BASE_URL + reverse("accounts:reference", args=[secret]),
        "days": (reference.expires_at - now).days,
    }
    queue_mail(
        key=f"reference-{reference.pk}-{reference.secret_hash[:16]}",
        kind="reference",
        recipient=None,
        address=reference.email,
        subject=f"Does {reference.person.display_name} work at {reference.organization_name}?"[
            :200
        ],
        text=render_to_string("accounts/mail/reference.txt", context),
        is_secret=True,
        now=now,
    )


def mail_answer(reference: Reference, now: datetime) -> None:
    said = reference.verdict == Reference.Verdict.CONFIRMED
    where = reference.organization_name
    line = (
        f"{reference.name} has confirmed that you work at {where}. Reviewers see it from now on."
        if said
        else f"{reference.name} could not confirm that you work at {where}. You can name another "
        "reference, add an address at the organization, or ask the reviewers of your request."
    )
    queue_letter(
        key=f"reference-{reference.pk}-answered",
        kind="reference_answered",
        recipient=reference.person,
        subject=f"Your reference for {where} has answered",
        paragraphs=[line],
        act_label="Your affiliations",
        act_url=settings.BASE_URL + reverse("accounts:affiliations"),
        reference="",
        team=settings.SITE_NAME,
        now=now,
    )
