"""Mark addresses that refuse mail, and the letters that bounced from them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from smtplib import SMTPRecipientsRefused

from django.db import transaction

from portal.outbox.dsn import parse
from portal.outbox.errors import UnreadableBounce
from portal.outbox.models import BouncedAddress, OutboxMessage

log = logging.getLogger(__name__)
State = OutboxMessage.State
REASON_LENGTH = 300
AUTHENTICATION_REQUIRED = 530  # a fault of our settings, not of the address
POLICY = "5.7."  # refused for who sends it or how we are set up, not for the address


@dataclass(frozen=True)
class Bounce:
    """The result of reading a report. ``address`` is "" where it only told of a delay."""

    address: str = ""
    letter: str = ""


@transaction.atomic
def mark_bounced(*, address: str, reason: str, now: datetime) -> BouncedAddress:
    """Note that letters to an address bounce. Again changes the reason alone."""
    bounced, created = BouncedAddress.objects.select_for_update(no_key=True).get_or_create(
        address=address.strip().lower(),
        defaults={"reason": _one_line(reason), "at": now},
    )
    if not created:
        # Bounced again after its owner cleared it: a new bounce, which begins now.
        if bounced.cleared_at is not None:
            bounced.at, bounced.cleared_at = now, None
        bounced.reason = _one_line(reason)
        bounced.save()
    return bounced


def clear_bounce(*, address: str, now: datetime) -> bool:
    """Clear an address whose owner opened a link sent there. Return False if it wasn't marked."""
    standing = BouncedAddress.objects.filter(address=address.strip().lower(), cleared_at=None)
    bounced = standing.select_for_update(no_key=True).first()
    if bounced is None:
        return False
    bounced.cleared_at = now
    bounced.save(update_fields=["cleared_at"])  # a save, so that others hear of it
    return True


def is_bounced(address: str) -> bool:
    return BouncedAddress.objects.filter(address=address.lower(), cleared_at=None).exists()


def bounce(message: OutboxMessage, *, reason: str, now: datetime) -> None:
    """Mark a letter and its address as bounced. The caller has locked the letter, and saves it."""
    message.state = State.BOUNCED
    message.last_error = _one_line(reason)
    mark_bounced(address=message.address, reason=reason, now=now)
    log.warning("Mail %s came back: %s", message.pk, message.last_error)


def lasting_refusal(error: Exception) -> str:
    """Return the server's words if it refuses the recipient for good, else ""."""
    if not isinstance(error, SMTPRecipientsRefused) or not error.recipients:
        return ""
    answers = [(code, _decoded(words)) for code, words in error.recipients.values()]
    if not all(_is_lasting(code, words) for code, words in answers):
        return ""
    code, words = answers[0]
    return f"{code} {words}"


def _is_lasting(code: int, words: str) -> bool:
    return 500 <= code < 600 and code != AUTHENTICATION_REQUIRED and not words.startswith(POLICY)


def _decoded(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words


def _one_line(reason: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in reason).split())
    return line[:REASON_LENGTH] or "no reason given"


@transaction.atomic
def read_bounce(*, raw: bytes, now: datetime) -> Bounce:
    """Mark the letter that a delivery report is about. Reading it again changes nothing.

    Anybody can write such a report, so it is believed only if it names a letter of ours, by its
    Message-ID or by an address that we wrote to. Otherwise raise UnreadableBounce.
    """
    report = parse(raw)
    if not report.failed:
        return Bounce()
    letter = _letter(report.keys, report.recipient)
    if letter is None:
        raise UnreadableBounce("It tells of no mail that was sent from here.")
    # A cancelled letter was never sent, and a bounced one is marked already.
    if letter.state in (State.SENT, State.QUEUED, State.FAILED):
        bounce(letter, reason=report.reason, now=now)
        letter.save(update_fields=["state", "last_error"])
    return Bounce(letter.address, letter.key)


def _letter(keys: list[str], recipient: str) -> OutboxMessage | None:
    """Lock the letter that is named; if none is, the last one sent to the recipient."""
    letters = OutboxMessage.objects.select_for_update(no_key=True)
    named = letters.filter(key__in=keys).first()
    if named is not None or not recipient:
        return named
    sent = letters.filter(address__iexact=recipient, sent_at__isnull=False)
    return sent.order_by("-sent_at", "-pk").first()
