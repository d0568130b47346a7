"""Repeat in a restored database what took access away since its backup."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.contenttypes.models import ContentType
from django.db import Error, transaction

from portal.access.holds.suspension import suspend_access
from portal.accounts.models import AccessToken, User
from portal.accounts.services.tokens import revoke_all_tokens
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.backup.restoring import of_catalog, of_grants, of_people
from portal.backup.restoring.ending import Ending
from portal.backup.restoring.log_reading import Since
from portal.errors import DomainError

log = logging.getLogger(__name__)
LONGEST_REASON = 2000


def _nothing(ending: Ending) -> bool:
    return False


HANDLERS: dict[EventType, Callable[[Ending], bool]] = {
    EventType.GRANT_REVOKED: of_grants.end_grant,
    EventType.GRANT_CLOSED: of_grants.end_grant,
    EventType.GRANT_OFFER_DECLINED: of_grants.end_grant,
    EventType.GRANT_NOTICE_GIVEN: of_grants.give_notice,
    EventType.GRANT_COVERAGE_ENDED: of_grants.end_coverage,
    EventType.GRANT_HELD: of_grants.hold_grant,
    EventType.MEMBER_ENDED: of_grants.end_member,
    EventType.MEMBER_HELD: of_grants.hold_member,
    EventType.HOLD_PLACED: of_grants.hold_again,
    EventType.REQUEST_DECLINED: of_grants.end_wait,
    EventType.REQUEST_LAPSED: of_grants.end_wait,
    EventType.REQUEST_WITHDRAWN: of_grants.end_wait,
    EventType.TOKEN_REVOKED: of_people.end_token,
    EventType.PASSWORD_CHANGED: of_people.void_password,
    EventType.PASSWORD_RESET: of_people.void_password,
    EventType.AFFILIATION_ENDED: of_people.end_affiliation,
    EventType.TEAM_MEMBER_REMOVED: of_people.take_team_seat,
    EventType.NAMESPACE_SEAT_TAKEN: of_people.take_seat,
    EventType.NAMESPACE_ROLE_TAKEN: of_people.take_role,
    EventType.OPERATOR_ROLE_TAKEN: of_people.take_operator,
    EventType.REQUEST_GUEST_REMOVED: of_people.end_guest,
    EventType.INVITATION_WITHDRAWN: of_people.end_invitation,
    EventType.REPO_CONFIGURED: of_catalog.narrow_repo,
    EventType.REPO_DELETED: of_catalog.delete_again,
    EventType.BRANCH_SQUASHED: of_catalog.ask_to_look,
    EventType.BACKUP_RESTORED: _nothing,
}
"""The functions that repeat an ending; each returns whether that changed anything."""


@dataclass
class Applied:
    """The endings that a restore repeated. ``failed``: those that a person has to repeat.

    ``suspended`` says why; "" where access goes on.
    """

    repeated: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    already: int = 0
    suspended: str = ""
    tokens_ended: int = 0


def bring_nothing_back(since: Since, now: datetime) -> Applied:
    """Repeat the endings since the backup; suspend all access where they aren't all known.

    Where they aren't, nobody can tell which tokens and passwords were ended either: all of them
    end, and people set new ones by a letter.
    """
    applied = Applied()
    repeat(since.events, applied, now)
    if since.unknown:
        applied.tokens_ended = _end_credentials(now)
    reasons = [since.unknown] if since.unknown else []
    reasons += [f"repeat by hand: {line}" for line in applied.failed]
    if reasons:
        applied.suspended = "; ".join(reasons)
        words = f"Restored, to be looked at: {applied.suspended}"
        suspend_access(reason=words[:LONGEST_REASON], now=now)
    return applied


def repeat(events: Iterable[AuditEvent], applied: Applied, now: datetime) -> None:
    """Repeat each ending by itself, in the order of the log."""
    for event in events:
        operator = User.objects.operators().order_by("pk").first()
        line = f"{event.type} of {event.target_type} {event.target_id} (event {event.sequence})"
        if operator is None:
            applied.failed.append(f"{line}: the backup has no operator")
            continue
        try:
            changed = _repeat_one(Ending(event, operator, now))
        except (DomainError, Error, LookupError, ValueError, TypeError) as error:
            log.exception("%s could not be repeated", line)
            applied.failed.append(f"{line}: {error}")
        else:
            applied.repeated += [line] if changed else []
            applied.already += not changed


@transaction.atomic
def _repeat_one(ending: Ending) -> bool:
    changed = HANDLERS[EventType(ending.event.type)](ending)
    if changed:
        record(
            EventType.ENDING_REPEATED,
            actor=None,
            target=ContentType.objects.get_for_model(AuditEvent),
            at=ending.now,
            of=[ending.event.sequence, ending.event.hash],
            type=ending.event.type,
            about=[ending.event.target_type, ending.event.target_id],
        )
    return changed


def _end_credentials(now: datetime) -> int:
    """End every token and make every password useless; return the number of tokens."""
    standing = AccessToken.objects.filter(revoked_at=None).values("user")
    owners = User.objects.filter(pk__in=standing).order_by("pk")
    ended = sum(revoke_all_tokens(owner=owner, now=now) for owner in owners)
    for person in User.objects.order_by("pk").iterator(500):
        person.set_unusable_password()
        person.save(update_fields=["password"])
    return ended
