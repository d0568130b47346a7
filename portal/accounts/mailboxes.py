"""Tell mailboxes apart, find the one that mail goes to, and confirm one whose mail bounced."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Lower
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.audit.events import EventType
from portal.audit.services import record
from portal.database.once import once
from portal.errors import NotFound
from portal.outbox.models import BouncedAddress
from portal.outbox.services import clear_bounce, is_bounced, queue_mail
from portal.text.languages import language_of

if TYPE_CHECKING:
    from portal.accounts.models import User

SALT = "weightgate.bounced-address"
# Google delivers name.surname@ and namesurname@ to one mailbox, under either of its two domains.
DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
LINK_LIFE = timedelta(days=3)


class AddressLinkInvalid(NotFound):
    """A link is mistyped, too old, or for another account. One answer to all."""

    code = "address_link_invalid"

    def __init__(self) -> None:
        super().__init__(_("This link is too old, or for another account. Ask for a new one."))


@dataclass(frozen=True)
class Mailbox:
    """A proved address. ``bounced``: the mail server's reason, or "" where letters arrive."""

    address: str
    bounced: str


def mailbox_of(email: str) -> str:
    """Return one spelling for all addresses that are delivered to the same mailbox.

    name+tag@host reaches the same person as name@host, and Google's mail ignores dots as well.
    """
    local, _, host = email.strip().lower().rpartition("@")
    name = local.partition("+")[0]
    if host in DOTLESS:
        return f"{name.replace('.', '')}@{DOTLESS[host]}"
    return f"{name}@{host}"


def mailboxes(person: User) -> list[Mailbox]:
    """List a person's proved addresses: first those that mail reaches, the primary one first."""
    return mailboxes_of([person])[person.pk]


@once(lambda people: frozenset(person.pk for person in people))
def mailboxes_of(people: Collection[User]) -> dict[int, list[Mailbox]]:
    """List the proved addresses of many people as ``mailboxes`` does, by each one's key."""
    standing = BouncedAddress.objects.filter(address=Lower(OuterRef("email")), cleared_at=None)
    rows = (
        EmailAddress.objects.filter(user__in=people, verified=True)
        .annotate(bounced=Subquery(standing.values("reason")[:1]))
        .order_by("-primary", "pk")
        .values_list("user", "email", "bounced")
    )
    boxes: dict[int, list[Mailbox]] = {person.pk: [] for person in people}
    for user_id, email, bounced in rows:
        boxes[user_id].append(Mailbox(email, bounced or ""))
    return {key: sorted(own, key=lambda box: bool(box.bounced)) for key, own in boxes.items()}


def letter_address(person: User) -> str:
    """Return the address that mail goes to: a proved one that doesn't bounce, the primary first."""
    return letter_addresses([person])[person.pk]


def letter_addresses(people: Collection[User]) -> dict[int, str]:
    """Return where the mail of each of these people goes, by their keys, in one query."""
    boxes = mailboxes_of(people)
    return {
        person.pk: next((box.address for box in boxes[person.pk]), person.email)
        for person in people
    }


def unreachable(person: User) -> Mailbox | None:
    """Return the address whose mail bounces, where the person has none that mail reaches."""
    return unreachable_among([person]).get(person.pk)


def unreachable_among(people: Collection[User]) -> dict[int, Mailbox]:
    """Return the bounced address of each of these people whom no letter reaches, by their keys."""
    best = {key: next(iter(boxes), None) for key, boxes in mailboxes_of(people).items()}
    return {key: box for key, box in best.items() if box and box.bounced}


@transaction.atomic
def ask_bounced_address(*, person: User, address: str, now: datetime) -> bool:
    """Send a link to an address whose mail bounced; opening it shows that mail arrives again.

    It is sent at most once an hour. Return False, and send nothing, where no mail has bounced.
    """
    if not any(box.bounced and box.address == address for box in mailboxes(person)):
        return False
    signed = signing.dumps([person.pk, address], salt=SALT)
    page = reverse("site:address_again", args=[signed])
    context = {"person": person, "url": f"{settings.BASE_URL}{page}", "days": LINK_LIFE.days}
    with translation.override(language := language_of(person)):
        question = _("Do letters reach you here again?")
        text = render_to_string("accounts/mail/address_again.txt", context)
    queue_mail(
        key=f"address-again-{_number(person, address)}-{now:%Y%m%d%H}",
        kind="address_again",
        recipient=person,
        address=address,
        subject=f"{question} ({settings.SITE_NAME})",
        text=text,
        language=language,
        is_secret=True,
        now=now,
    )
    return True


def _number(person: User, address: str) -> int:
    return int(EmailAddress.objects.values_list("pk", flat=True).get(user=person, email=address))


def address_in(signed: str, *, person: User) -> str:
    """Return the address that a link was sent to. Raise AddressLinkInvalid for others' links."""
    try:
        person_id, address = signing.loads(signed, salt=SALT, max_age=LINK_LIFE)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise AddressLinkInvalid from error
    if person_id != person.pk:
        raise AddressLinkInvalid
    return str(address)


@transaction.atomic
def confirm_bounced_address(*, person: User, signed: str, now: datetime) -> str:
    """Send mail to this address again, by its link. Confirming it again changes nothing."""
    address = address_in(signed, person=person)
    if is_bounced(address) and clear_bounce(address=address, now=now):
        record(EventType.EMAIL_CONFIRMED, actor=person, target=person, at=now)
    return address
