"""Letters to references, and notices of what was done with one's account."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from portal.accounts.models import AccessToken, Reference, User
from portal.outbox.services import queue_letter, queue_mail


def mail_question(reference: Reference, secret: str, now: datetime) -> None:
    """Send a reference the question with its secret link, of which we store only a hash."""
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
        sender=reference.person,
        now=now,
    )


def mail_answer(reference: Reference, now: datetime) -> None:
    """Tell the person what their reference has answered."""
    is_confirmed = reference.verdict == Reference.Verdict.CONFIRMED
    where = reference.organization_name
    line = (
        f"{reference.name} has confirmed that you work at {where}. Reviewers see it from now on."
        if is_confirmed
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


NOT_YOU = "If this wasn’t you, reset your password: that also ends every token and session."


def mail_new_token(token: AccessToken, now: datetime) -> None:
    """Tell the owner of a new token, which might have been made by somebody else."""
    scopes = ", ".join(token.scopes)
    line = (
        f"The token “{token.name}” was made for your account. Its scopes: {scopes}. It expires on "
        f"{token.expires_at:%-d %B %Y}."
    )
    mail_notice(
        token.user,
        key=f"token-{token.pk}-issued",
        kind="token_issued",
        subject="A token was made for your account",
        line=line,
        act=("Your tokens", "accounts:tokens"),
        now=now,
    )


def mail_new_address(person: User, address_id: int, email: str, now: datetime) -> None:
    """Tell the proved address of an account that another one was added."""
    mail_notice(
        person,
        key=f"address-{address_id}-added",
        kind="address_added",
        subject="An address was added to your account",
        line=f"{email} was added to your account. Once it is confirmed, letters for a new "
        "password can go there too.",
        act=("Your addresses", "account_email"),
        now=now,
    )


def mail_notice(
    person: User,
    *,
    key: str,
    kind: str,
    subject: str,
    line: str,
    act: tuple[str, str],
    now: datetime,
) -> None:
    """Queue a notice to a proved address of an account; without one, do nothing.

    ``act`` is the label of the button and the name of the page that it opens.
    """
    if not person.has_verified_email:
        return
    label, page = act
    queue_letter(
        key=key,
        kind=kind,
        recipient=person,
        subject=subject,
        paragraphs=[line, NOT_YOU],
        act_label=label,
        act_url=settings.BASE_URL + reverse(page),
        reference="",
        team=settings.SITE_NAME,
        now=now,
    )
