"""Queue a mail inside the change that causes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.template.loader import render_to_string

from portal.outbox.budget import require_within_budget
from portal.outbox.models import OutboxMessage
from portal.outbox.services.bounces import is_bounced
from portal.queue import enqueue

if TYPE_CHECKING:
    from portal.accounts.models import User

State = OutboxMessage.State
LONGEST_SUBJECT = 500


def queue_mail(
    *,
    key: str,
    kind: str,
    recipient: User | None,
    address: str,
    subject: str,
    text: str,
    html: str = "",
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
    """The parts that a letter's text and its HTML both show."""

    team: str
    greeting: str
    subject: str
    paragraphs: Sequence[str]
    act_label: str
    act_url: str
    reference: str

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
    act_label: str,
    act_url: str,
    reference: str,
    team: str,
    due_at: datetime | None = None,
    now: datetime,
) -> OutboxMessage:
    """Queue what the lab writes to a person; the subject ends in the reference.

    Where each of the recipient's addresses sends letters back, it isn't tried again: it stands in
    their inbox as bounced, and can be sent again from there.
    """
    letter = Letter(
        team=team,
        greeting=f"Dear {recipient.display_name},",
        subject=_with_reference(subject, reference),
        paragraphs=paragraphs,
        act_label=act_label,
        act_url=act_url,
        reference=reference,
    )
    message = queue_mail(
        key=key,
        kind=kind,
        recipient=recipient,
        address=recipient.letter_address,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        sender=None,
        due_at=due_at,
        now=now,
    )
    if message.state == State.QUEUED and is_bounced(message.address):
        message.state, message.last_error = State.BOUNCED, "letters to this address come back"
        message.save(update_fields=["state", "last_error"])
    return message


def _with_reference(subject: str, reference: str) -> str:
    """End a subject in the reference unless it names it, and cut what is too long before that."""
    if reference and reference not in subject[:LONGEST_SUBJECT]:
        subject = f"{subject[: LONGEST_SUBJECT - len(reference) - 4]} ({reference})"
    return subject


def mark_read(*, recipient: User, message_id: int, now: datetime) -> None:
    OutboxMessage.objects.filter(pk=message_id, recipient=recipient, read_at=None).update(
        read_at=now
    )
