"""Queue, cancel, send and send again: the use cases of the outbox."""

from portal.outbox.services.bounces import (
    Bounce,
    clear_bounce,
    is_bounced,
    mark_bounced,
    read_bounce,
)
from portal.outbox.services.cancelling import cancel_mail
from portal.outbox.services.delivery import deliver_due, deliver_one
from portal.outbox.services.queueing import (
    Letter,
    Recipient,
    mark_read,
    queue_letter,
    queue_letters,
    queue_mail,
)
from portal.outbox.services.resending import can_be_resent, resend_mail

__all__ = [
    "Bounce",
    "Letter",
    "Recipient",
    "can_be_resent",
    "cancel_mail",
    "clear_bounce",
    "deliver_due",
    "deliver_one",
    "is_bounced",
    "mark_bounced",
    "mark_read",
    "queue_letter",
    "queue_letters",
    "queue_mail",
    "read_bounce",
    "resend_mail",
]
