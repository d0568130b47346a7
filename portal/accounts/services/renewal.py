"""Renew the proof of an affiliation, by a letter to the address that proved it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.accounts.affiliations import addresses_of
from portal.accounts.errors import NoSuchAffiliation, ProofLinkUseless
from portal.accounts.models import Affiliation, User
from portal.accounts.organizations.domains import evidence_domains
from portal.accounts.services.affiliations import RENEWABLE, prove_by_email
from portal.outbox.services import queue_mail
from portal.text.languages import language_of

SALT = "accounts.renewal"
LINK_LIFE = timedelta(days=3)


@transaction.atomic
def ask_renewal(*, person: User, affiliation_id: int, now: datetime) -> str:
    """Write to the address behind a proof that expires soon, at most once a day; return it."""
    by_mail = Affiliation.objects.of(person).filter(method=Affiliation.Method.EMAIL, ended_at=None)
    affiliation = by_mail.filter(pk=affiliation_id, expires_at__lt=now + RENEWABLE).first()
    if affiliation is None:
        raise NoSuchAffiliation(_("You have no such affiliation that runs out soon."))
    email = next(
        address
        for address in addresses_of(person)
        if affiliation.evidence in evidence_domains(address)
    )
    address = EmailAddress.objects.get(user=person, email=email)
    signed = signing.dumps([address.pk, int(now.timestamp())], salt=SALT)
    context = {
        "affiliation": affiliation,
        "person": person,
        "site_name": settings.SITE_NAME,
        "url": settings.BASE_URL + reverse("accounts:affiliation_prove", args=[signed]),
        "days": LINK_LIFE.days,
    }
    with translation.override(language := language_of(person)):
        subject = _("Do you still work at %(organization)s?")
        subject %= {"organization": affiliation.organization}
        text = render_to_string("accounts/mail/renewal.txt", context)
    queue_mail(
        key=f"renewal-{affiliation.pk}-{now:%Y%m%d}",
        kind="renewal",
        recipient=person,
        address=email,
        subject=subject[:200],
        text=text,
        language=language,
        is_secret=True,
        now=now,
    )
    return email


@transaction.atomic
def renew_by_letter(*, person: User, signed: str, now: datetime) -> list[Affiliation]:
    """Renew the proof by the link of that letter, which shows that the address is read today."""
    return prove_by_email(
        person=person, now=now, confirmed=address_of_letter(person, signed, now=now)
    )


def address_of_letter(person: User, signed: str, *, now: datetime) -> str:
    """Return the verified address that a letter's link was sent to; else raise ProofLinkUseless."""
    try:
        address_id, sent = signing.loads(signed, salt=SALT)
    except signing.BadSignature as error:
        raise ProofLinkUseless from error
    address = EmailAddress.objects.filter(pk=address_id, user=person, verified=True).first()
    if address is None or now - datetime.fromtimestamp(sent, UTC) > LINK_LIFE:
        raise ProofLinkUseless
    return str(address.email)
