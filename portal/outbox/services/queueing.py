"""Queue a mail inside the change that causes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from portal.outbox.budget import require_within_budget
from portal.outbox.models import BouncedAddress, OutboxMessage
from portal.outbox.services.bounces import is_bounced
from portal.queue import enqueue
from portal.text.languages import ENGLISH, Words, in_english

if TYPE_CHECKING:
    from portal.accounts.models import User

State = OutboxMessage.State
LONGEST_SUBJECT = 500
COMES_BACK = "letters to this address come back"


def queue_mail(
    *,
    key: str,
    kind: str,
    recipient: User | None,
    address: str,
    subject: str,
    text: str,
    html: str = "",
    language: str = ENGLISH,
    is_secret: bool = False,
    sender: User | None = None,
    is_owed: bool = False,
    due_at: datetime | None = None,
    now: datetime,
) -> OutboxMessage:
    """Store a mail, due at once unless ``due_at`` says later. The same key again changes nothing.

    ``sender`` is the person whose act it tells others of, None for the lab. How many letters one
    person may cause is limited: past that, raise TooManyLetters, which undoes the act. A letter
    that ``is_owed`` to its reader counts, but is sent all the same.
    """
    # The unique key, not a lookup, decides between two that queue the same mail at once.
    message, is_new = OutboxMessage.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind,
            "recipient": recipient,
            "sender": sender,
            "address": address,
            "subject": " ".join(subject.split())[:LONGEST_SUBJECT],
            "text": text,
            "html": html,
            "language": language,
            "is_secret": is_secret,
            "created_at": now,
            "due_at": due_at or now,
        },
    )
    if is_new and sender is not None and not is_owed:
        require_within_budget(message, now)
    # After commit: a worker that looked before would find no row.
    if message.due_at <= now:  # later ones are found by the worker's clock
        transaction.on_commit(lambda: enqueue("mail.deliver"))
    return message


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The parts that a letter's text and its HTML both show.

    ``why`` says at its foot why the reader gets it, ``settings_url`` where they choose otherwise.
    Its own words around these are in the language that is active as it is rendered.
    """

    team: str
    greeting: str
    subject: str
    paragraphs: Sequence[str]
    act_label: str
    act_url: str
    reference: str
    why: str = ""
    settings_url: str = ""

    @property
    def text(self) -> str:
        return render_to_string("outbox/letter.txt", asdict(self))

    @property
    def html(self) -> str:
        return render_to_string("outbox/letter.html", asdict(self))


def queue_letter(
    *,
    key: str,
    kind: str,
    recipient: User,
    subject: str,
    paragraphs: Sequence[str],
    act_label: Words,
    act_url: str,
    reference: str,
    team: str,
    language: str = ENGLISH,
    due_at: datetime | None = None,
    now: datetime,
) -> OutboxMessage:
    """Queue what the lab writes to a person; the subject ends in the reference.

    ``language``: of these words, and so of those around them.

    Where each of the recipient's addresses sends letters back, it isn't tried again: it stands in
    their inbox as bounced, and can be sent again from there.
    """
    with translation.override(language):
        letter = Letter(
            team=team,
            greeting=_("Dear %(name)s,") % {"name": recipient.display_name},
            subject=_with_reference(subject, reference),
            paragraphs=paragraphs,
            act_label=str(act_label),
            act_url=act_url,
            reference=reference,
        )
        text, html = letter.text, letter.html
    message = queue_mail(
        key=key,
        kind=kind,
        recipient=recipient,
        address=recipient.letter_address,
        subject=letter.subject,
        text=text,
        html=html,
        language=language,
        sender=None,
        due_at=due_at,
        now=now,
    )
    if message.state == State.QUEUED and is_bounced(message.address):
        message.state, message.last_error = State.BOUNCED, COMES_BACK
        message.save(update_fields=["state", "last_error"])
    return message


@dataclass(frozen=True)
class Recipient:
    """A reader of a letter that many get: the account, its name, and where its letters go."""

    user_id: int
    name: str
    address: str


@in_english
def queue_letters(
    letter: Letter, *, to: Sequence[Recipient], key: str, kind: str, now: datetime
) -> None:
    """Queue one letter of the lab for many of its people, by few queries however many they are.

    The same key again sends nothing to whom it was sent before. As with ``queue_letter``, nothing
    is tried at an address that sends letters back.
    """
    if not to:
        return
    bounced = _bounced_among([recipient.address for recipient in to])
    OutboxMessage.objects.bulk_create(
        [_copy_for(recipient, letter, key, kind, bounced, now) for recipient in to],
        ignore_conflicts=True,
    )
    transaction.on_commit(lambda: enqueue("mail.deliver"))


def _copy_for(
    recipient: Recipient,
    letter: Letter,
    key: str,
    kind: str,
    bounced: set[str],
    now: datetime,
) -> OutboxMessage:
    subject = _with_reference(letter.subject, letter.reference)
    addressed = replace(letter, greeting=f"Dear {recipient.name},", subject=subject)
    comes_back = recipient.address.lower() in bounced
    return OutboxMessage(
        key=f"{key}-to-{recipient.user_id}",
        kind=kind,
        recipient_id=recipient.user_id,
        sender=None,
        address=recipient.address,
        subject=" ".join(subject.split())[:LONGEST_SUBJECT],
        text=addressed.text,
        html=addressed.html,
        state=State.BOUNCED if comes_back else State.QUEUED,
        last_error=COMES_BACK if comes_back else "",
        created_at=now,
        due_at=now,
    )


def _bounced_among(addresses: Sequence[str]) -> set[str]:
    lowered = {address.lower() for address in addresses}
    standing = BouncedAddress.objects.filter(address__in=lowered, cleared_at=None)
    return set(standing.values_list("address", flat=True))


def _with_reference(subject: str, reference: str) -> str:
    """End a subject in the reference unless it names it, and cut what is too long before that."""
    if reference and reference not in subject[:LONGEST_SUBJECT]:
        subject = f"{subject[: LONGEST_SUBJECT - len(reference) - 4]} ({reference})"
    return subject


def mark_read(*, recipient: User, message_id: int, now: datetime) -> None:
    OutboxMessage.objects.filter(pk=message_id, recipient=recipient, read_at=None).update(
        read_at=now
    )
