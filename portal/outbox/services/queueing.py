"""Queue a mail inside the change that causes it."""

from __future__ import annotations

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
    """Store one mail, due at once unless told; the same ``key`` again changes nothing.

    ``sender`` is the person whose act it tells others of; how many those are is limited, and
    TooManyLetters undoes the act. What the lab must tell has none. A letter that ``is_owed`` to
    its reader counts, and goes all the same.
    """
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
    if message.due_at <= now:  # what waits is found by the clock
        transaction.on_commit(lambda: enqueue("mail.deliver"))
    return message


def queue_letter(
    *,
    key: str,
    kind: str,
    recipient: User,
    subject: str,
    paragraphs: list[str],
    act_label: str,
    act_url: str,
    reference: str,
    team: str,
    sender: User | None = None,
    is_owed: bool = False,
    due_at: datetime | None = None,
    now: datetime,
) -> OutboxMessage:
    """Queue a letter from a team, as text and HTML of one shape; its subject has the reference.

    Where each of the recipient's addresses sends letters back, it isn't tried again: it stands in
    their inbox as come back, and can be sent again from there.
    """
    subject = _with_reference(subject, reference)
    context = {
        "team": team,
        "greeting": f"Dear {recipient.display_name},",
        "paragraphs": paragraphs,
        "act_label": act_label,
        "act_url": act_url,
        "reference": reference,
        "subject": subject,
    }
    message = queue_mail(
        key=key,
        kind=kind,
        recipient=recipient,
        address=recipient.letter_address,
        subject=subject,
        text=render_to_string("outbox/letter.txt", context),
        html=render_to_string("outbox/letter.html", context),
        sender=sender,
        is_owed=is_owed,
        due_at=due_at,
        now=now,
    )
    if message.state == State.QUEUED and is_bounced(message.address):
        message.state, message.last_error = State.BOUNCED, "letters to this address come back"
        message.save(update_fields=["state", "last_error"])
    return message


def _with_reference(subject: str, reference: str) -> str:
    """However long a name or a lab's own words make it."""
    if reference and reference not in subject[:LONGEST_SUBJECT]:
        subject = f"{subject[: LONGEST_SUBJECT - len(reference) - 4]} ({reference})"
    return subject


def mark_read(*, recipient: User, message_id: int, now: datetime) -> None:
    OutboxMessage.objects.filter(pk=message_id, recipient=recipient, read_at=None).update(
        read_at=now
    )
