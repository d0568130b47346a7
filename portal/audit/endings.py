"""The events that take access away: each is copied to a second place, for a restore to repeat.

A backup is older than the database that was lost. Access that was ended in between would come back
with it, so these events are kept outside the database too. ``record`` queues each for that, in the
transaction of the change; no service has to think of it. A test demands that every type of event is
either here or known to end nothing.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from portal.audit.events import EventType
from portal.audit.models import AuditEvent, EndingCopy
from portal.queue import enqueue

ENDINGS = frozenset(
    {
        # what somebody may use
        EventType.GRANT_REVOKED,
        EventType.GRANT_CLOSED,
        EventType.GRANT_OFFER_DECLINED,
        EventType.GRANT_NOTICE_GIVEN,
        EventType.GRANT_COVERAGE_ENDED,
        EventType.GRANT_HELD,
        EventType.MEMBER_ENDED,
        EventType.MEMBER_HELD,
        EventType.HOLD_PLACED,
        # applicants may use some inference while they wait
        EventType.REQUEST_DECLINED,
        EventType.REQUEST_LAPSED,
        EventType.REQUEST_WITHDRAWN,
        # by what somebody comes in
        EventType.TOKEN_REVOKED,
        EventType.PASSWORD_CHANGED,
        EventType.PASSWORD_RESET,
        EventType.AFFILIATION_ENDED,
        # who works on what
        EventType.TEAM_MEMBER_REMOVED,
        EventType.NAMESPACE_SEAT_TAKEN,
        EventType.NAMESPACE_ROLE_TAKEN,
        EventType.OPERATOR_ROLE_TAKEN,
        EventType.REQUEST_GUEST_REMOVED,
        EventType.INVITATION_WITHDRAWN,
        # what is open to whom
        EventType.REPO_CONFIGURED,
        EventType.REPO_DELETED,
        EventType.BRANCH_SQUASHED,
        # ends nothing: it is the line from which backups of the restored database go on
        EventType.BACKUP_RESTORED,
    }
)


def queue_copy(event: AuditEvent) -> None:
    """Queue the copy of an event that took access away; of any other, do nothing."""
    if event.type not in ENDINGS:
        return
    EndingCopy.objects.create(sequence=event.sequence)
    if settings.ENDINGS_LOG:
        transaction.on_commit(lambda: enqueue("backup.copy_endings"))
