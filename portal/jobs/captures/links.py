"""Make short-lived signed links to captures, and open them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.urls import reverse

from portal.access.errors import Refused
from portal.access.policy.policy import Action
from portal.access.policy.refusals import require_may
from portal.accounts.models import AccessToken, User
from portal.accounts.tokens.authentication import Caller
from portal.audit.events import EventType
from portal.audit.services import record
from portal.delivery.errors import LinkExpired, LinkInvalid, LinkWithdrawn
from portal.jobs.batches.files import within_token
from portal.jobs.batches.public_ids import COMPLETION_PREFIX, read_id, spelt
from portal.jobs.captures.models import CaptureFile
from portal.jobs.captures.references import NO_JOB
from portal.jobs.errors import CapturesNotFound
from portal.jobs.models import Job
from portal.storage import blob_store

SALT = "portal.jobs.captures.links"


@dataclass(frozen=True)
class OpenedCaptures:
    """Captures that a link stands for, and who holds it."""

    captures: CaptureFile
    person_id: int

    @property
    def filename(self) -> str:
        return filename_of(self.captures)


def filename_of(captures: CaptureFile) -> str:
    return f"{spelt(COMPLETION_PREFIX, captures.job_id)}.safetensors"


def find_captures(caller: Caller, completion_id: str) -> CaptureFile:
    """Find what one's own completion captured; others' don’t exist to them.

    Raises CapturesNotFound, also once they are forgotten.
    """
    job_id = read_id(COMPLETION_PREFIX, completion_id)
    own = within_token(Job.objects.of(caller.named), caller)
    files = CaptureFile.objects.filter(is_whole=True, job__in=own.filter(pk=job_id or NO_JOB))
    captures = files.select_related("blob", "job__repo__namespace", "job__revision").first()
    if captures is None:
        raise CapturesNotFound
    return captures


@transaction.atomic
def mint_capture_link(*, caller: Caller, completion_id: str, now: datetime) -> str:
    """Make a short-lived URL of one's captures, and record it. They counted as they were made.

    Raises CapturesNotFound, or Refused where the model's inside is open to the caller no more.
    """
    captures = find_captures(caller, completion_id)
    require_may(caller, Action.CAPTURE, captures.job.revision, now)
    expires_at = now + settings.LINK_TTL
    token_id = caller.token.pk if caller.token else None
    record(
        EventType.CAPTURES_LINKED,
        actor=caller.named,
        target=captures.job,
        at=now,
        repo=captures.job.repo.full_name,
        size_bytes=captures.blob.size_bytes,
        token=token_id,
        expires_at=expires_at.isoformat(),
    )
    name = filename_of(captures)
    content = [captures.pk, caller.named.pk, token_id, int(expires_at.timestamp())]
    signed = Signer(salt=SALT).sign_object(content)
    presigned = blob_store().presigned_url(captures.blob_id, filename=name, ttl=settings.LINK_TTL)
    path = reverse("jobs:capture_link", args=[signed, name])
    return presigned or f"{settings.BASE_URL}{path}"


def open_capture_link(signed: str, filename: str, *, now: datetime) -> OpenedCaptures:
    """Return the captures that a link stands for, if who got the link may still have them.

    Raises LinkInvalid, LinkExpired, LinkWithdrawn, or CapturesNotFound once they are forgotten.
    """
    captures_id, person_id, token_id, expiry = _content(signed)
    if now >= datetime.fromtimestamp(expiry, UTC):
        raise LinkExpired
    files = CaptureFile.objects.filter(pk=captures_id, is_whole=True)
    captures = files.select_related("blob", "job__repo__namespace", "job__revision").first()
    if captures is None:
        raise CapturesNotFound
    if filename != filename_of(captures):
        raise LinkInvalid
    caller = _holder(person_id, token_id, now)
    try:
        require_may(caller, Action.CAPTURE, captures.job.revision, now)
    except Refused as refused:
        raise LinkWithdrawn(refused.refusal.line) from refused
    return OpenedCaptures(captures, person_id)


def _content(signed: str) -> tuple[int, int, int | None, int]:
    try:
        captures_id, person_id, token_id, expiry = Signer(salt=SALT).unsign_object(signed)
    except (BadSignature, ValueError) as error:
        raise LinkInvalid from error
    return captures_id, person_id, token_id, expiry


def _holder(person_id: int, token_id: int | None, now: datetime) -> Caller:
    """Return who got the link, with the rights of now. Raises LinkWithdrawn."""
    if token_id is None:
        person = User.objects.filter(pk=person_id, is_active=True).first()
        return Caller(person)
    usable = AccessToken.objects.usable_at(now).select_related("user")
    token = usable.filter(pk=token_id, user_id=person_id).first()
    if token is None:
        raise LinkWithdrawn("The token that this link was made with has expired or been revoked.")
    return Caller(token.user, token)
