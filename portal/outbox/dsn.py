"""Read the delivery reports of RFC 3464 (multipart/report) with the standard library."""

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
# On input that isn’t mail, the standard library raises any of these.
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
    """A report about one mail to one address. ``keys``: possible keys of it, from Message-IDs."""

    failed: bool
    recipient: str
    reason: str
    keys: list[str]


def parse(raw: bytes) -> DeliveryReport:
    """Parse a mail as a delivery report. Raise UnreadableBounce if it is none."""
    if len(raw) > LONGEST:
        raise UnreadableBounce("It is larger than any report.")
    try:
        message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(raw)
        return _report(message)
    except BREAKS as error:
        raise UnreadableBounce(f"It can’t be read as mail: {error}") from error


def _report(message: EmailMessage) -> DeliveryReport:
    parts = (part for part in message.walk() if part.get_content_type() == STATUS_PART)
    status = next(parts, None)
    if status is None:
        raise UnreadableBounce(f"It is no delivery report: no {STATUS_PART} part in it.")
    blocks = status.get_payload()
    fields = [block for block in blocks if isinstance(block, Message)]
    recipients = [block for block in fields if block["Action"]]
    if not recipients:
        raise UnreadableBounce(f"Its {STATUS_PART} part names no recipient.")
    failed = [block for block in recipients if _has_failed(block)]
    chosen = (failed or recipients)[0]
    return DeliveryReport(
        failed=bool(failed),
        recipient=_address(chosen),
        reason=_reason(chosen),
        keys=_keys(message),
    )


def _has_failed(block: Message) -> bool:
    """Tell whether delivery failed for good; after a delay, or a 4.x.x status, it may succeed."""
    status = str(block["Status"] or "").strip()
    return str(block["Action"]).strip().lower() == "failed" and not status.startswith(TEMPORARY)


def _address(block: Message) -> str:
    """Return the address of ``rfc822; a@b``.

    The original one is preferred, since that is what we wrote to; the final one may be a forward.
    """
    field = str(block["Original-Recipient"] or block["Final-Recipient"] or "")
    return field.rpartition(";")[2].strip().strip("<>").lower()


def _reason(block: Message) -> str:
    words = str(block["Diagnostic-Code"] or "").partition(";")[2].strip()
    return words or str(block["Status"] or "").strip()


def _keys(message: EmailMessage) -> list[str]:
    """Collect possible keys from the mail that the report returns and from what it answers.

    The report's own Message-ID is another server's.
    """
    named: list[str] = []
    for part in message.walk():
        for header in ("Message-ID", "In-Reply-To", "References", "Original-Message-ID"):
            if part is not message or header != "Message-ID":
                named += keys_in(str(part[header] or ""))
        if part.get_content_type() == "text/rfc822-headers":
            named += keys_in(str(part.get_payload()))
    return named
