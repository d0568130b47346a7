"""Letters to references, and notices of what was done with one's account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import AccessToken, Reference, Scope, User
from portal.accounts.querysets import KEY_DIGITS
from portal.formatting import day_in_words
from portal.outbox.services import queue_letter, queue_mail
from portal.outbox.templates import fill, words_in
from portal.text.bidi import isolated
from portal.text.languages import Words, in_english, language_of


@in_english
def mail_question(reference: Reference, secret: str, now: datetime) -> None:
    """Send a reference the question with its secret link, of which we store only a hash.

    It is in English: nobody knows which language the reference reads.
    """
    context = {
        "reference": reference,
        "person": reference.person,
        "site_name": settings.SITE_NAME,
        "url": settings.BASE_URL + reverse("accounts:reference", args=[secret]),
        "days": (reference.expires_at - now).days,
    }
    queue_mail(
        key=_question_key(reference),
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


def _question_key(reference: Reference) -> str:
    """Return the key of the letter with the present link; ``querysets.question_key`` finds it."""
    return f"reference-{reference.pk}-{reference.secret_hash[:KEY_DIGITS]}"


def mail_returned(reference: Reference, now: datetime) -> None:
    """Tell the person that the question to their reference came back, and what they can do."""
    _queue_notice(
        reference.person,
        key=f"{_question_key(reference)}-returned",
        kind="reference_returned",
        words="reference_returned",
        facts=lambda: {"name": isolated(reference.name), "address": reference.email},
        link=(_("Mend the address"), "accounts:affiliations"),
        now=now,
    )


def mail_answer(reference: Reference, now: datetime, *, is_proof: bool) -> None:
    """Tell the person what their reference has answered, and whether it proves anything."""
    is_confirmed = reference.verdict == Reference.Verdict.CONFIRMED
    words = "reference_confirmed" if is_proof else "reference_proves_nothing"
    _queue_notice(
        reference.person,
        key=f"reference-{reference.pk}-answered",
        kind="reference_answered",
        words=words if is_confirmed else "reference_unconfirmed",
        facts=lambda: {"name": reference.name, "organization": reference.organization_name},
        link=(_("Your affiliations"), "accounts:affiliations"),
        now=now,
    )


def mail_new_token(token: AccessToken, now: datetime) -> None:
    """Tell the owner of a new token, which might have been made by somebody else."""
    if not token.user.has_verified_email:
        return
    _queue_notice(
        token.user,
        key=f"token-{token.pk}-issued",
        kind="token_issued",
        words="token_issued",
        facts=lambda: {
            "name": token.name,
            "scopes": Scope.in_words(token.scopes),
            "expires_on": day_in_words(token.expires_at),
        },
        link=(_("Your tokens"), "accounts:tokens"),
        now=now,
    )


def mail_new_address(person: User, address_id: int, email: str, now: datetime) -> None:
    """Tell the proved address of an account that another one was added."""
    if not person.has_verified_email:
        return
    _queue_notice(
        person,
        key=f"address-{address_id}-added",
        kind="address_added",
        words="address_added",
        facts=lambda: {"email": email},
        link=(_("Your addresses"), "account_email"),
        now=now,
    )


def _queue_notice(
    person: User,
    *,
    key: str,
    kind: str,
    words: str,
    facts: Callable[[], Mapping[str, str]],
    link: tuple[Words, str],
    now: datetime,
) -> None:
    """Queue a notice to the owner of an account, in their language.

    ``words`` is the file of its text; ``link`` the label of the button and the name of its page.
    """
    (label, page), language = link, language_of(person)
    with translation.override(language):
        letter = fill(words_in(f"accounts/mail/{words}.txt"), facts())
    queue_letter(
        key=key,
        kind=kind,
        recipient=person,
        subject=letter.subject,
        paragraphs=letter.paragraphs,
        act_label=label,
        act_url=settings.BASE_URL + reverse(page),
        reference="",
        team=settings.SITE_NAME,
        language=language,
        now=now,
    )
