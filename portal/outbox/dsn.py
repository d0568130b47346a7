"""Reports of mail that came back, as RFC 3464 has them: multipart/report, read by the stdlib."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.parser import BytesParser

from portal.outbox.errors import UnreadableBounce
from portal.outbox.naming import keys_in

LONGEST = 5 * 1024 * 1024
TEMPORARY = "4."
STATUS_PART = "message/delivery-status"
# the stdlib breaks in many ways on what isn’t mail
BREAKS = (
    MessageError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
)


@dataclass(frozen=True)
class DeliveryReport:
    """Of one mail to one address. ``keys``: what may be the name of our mail, from Message-IDs."""

    failed: bool
    recipient: str
    reason: str
    keys: list[str]


def parse(raw: bytes) -> DeliveryReport:
    """Raises UnreadableBounce."""
    if len(raw) > LONGEST:
        raise UnreadableBounce("It is larger than any report.")
    try:
        message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)
        return _report(message)
    except BREAKS as error:
        raise UnreadableBounce(f"It can’t be read as mail: {error}") from error


def _report(message: EmailMessage) -> DeliveryReport:
    parts = (each for each in message.walk() if each.get_content_type() == STATUS_PART)
    status = next(parts, None)
    if status is None:
        raise UnreadableBounce(f"It is no delivery report: no {STATUS_PART} part in it.")
    blocks = status.get_payload()
    fields = [block for block in blocks if isinstance(block, Message)]
    told = [block for block in fields if block["Action"]]
    if not told:
        raise UnreadableBounce(f"Its {STATUS_PART} part names no recipient.")
    failed = [block for block in told if _has_failed(block)]
    chosen = (failed or told)[0]
    return DeliveryReport(
        failed=bool(failed),
        recipient=_address(chosen),
        reason=_reason(chosen),
        keys=_keys(message),
    )


def _has_failed(block: Message) -> bool:
    """For good: a report of a delay, or of a failure that may pass, is no bounce."""
    status = str(block["Status"] or "").strip()
    return str(block["Action"]).strip().lower() == "failed" and not status.startswith(TEMPORARY)


def _address(block: Message) -> str:
    """``rfc822; a@b``; the original address first, since that is the one we wrote to."""
    field = str(block["Original-Recipient"] or block["Final-Recipient"] or "")
    return field.rpartition(";")[2].strip().strip("<>").lower()


def _reason(block: Message) -> str:
    words = str(block["Diagnostic-Code"] or "").partition(";")[2].strip()
    return words or str(block["Status"] or "").strip()


def _keys(message: EmailMessage) -> list[str]:
    """From the mail that is sent back with the report, else from what the report answers."""
    named: list[str] = []
    for part in message.walk():
        for header in ("Message-ID", "In-Reply-To", "References", "Original-Message-ID"):
            if part is not message or header != "Message-ID":
                named += keys_in(str(part[header] or ""))
        if part.get_content_type() == "text/rfc822-headers":
            named += keys_in(str(part.get_payload()))
    return named
