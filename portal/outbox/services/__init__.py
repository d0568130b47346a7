"""Queue, cancel, send and send again: the use cases of the outbox."""

from portal.outbox.services.cancelling import cancel_mail
from portal.outbox.services.delivery import deliver_due, deliver_one
from portal.outbox.services.queueing import mark_read, queue_letter, queue_mail

__all__ = [
    "cancel_mail",
    "deliver_due",
    "deliver_one",
    "mark_read",
    "queue_letter",
    "queue_mail",
]
