"""Take in bytes before their commit: say what is there and how to bring the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from portal.accounts.models import AccessToken, User
from portal.accounts.tokens.authentication import Caller
from portal.catalog.models import Blob, File, ModelRepo
from portal.catalog.querysets import in_history
from portal.delivery.errors import LinkInvalid, LinkWithdrawn
from portal.hub.errors import BytesRefused, NotBrought
from portal.hub.models import Upload
from portal.hub.rights import require_publisher
from portal.hub.uploads.links import UploadLink, link_url, verify
from portal.storage import BlobMissing, CorruptBlob, direct_uploads
from portal.storage.incoming import Incoming

IN_PERSON = 0  # the place of a token in a link that was made for a session


def nameable_blobs(repo: ModelRepo, sha256s: Iterable[str]) -> dict[str, Blob]:
    """Return by sha256 the blobs that a commit to this repo may name.

    They were brought for it, or are in a revision of its history: naming other bytes by their hash
    would give them to whoever knows it.
    """
    of_repo = Q(uploads__repo=repo) | Q(in_history("files__revision"), files__revision__repo=repo)
    blobs = Blob.objects.filter(of_repo, sha256__in=set(sha256s)).distinct()
    return {blob.sha256: blob for blob in blobs}


def forget_hidden(repo_id: int) -> None:
    """Forget the uploads of bytes that only hidden revisions hold, so that they must come anew."""
    inside = File.everything.filter(revision__repo_id=repo_id).order_by()
    shown_blobs = File.in_history.filter(revision__repo_id=repo_id).order_by().values("blob")
    hidden_blobs = inside.exclude(blob__in=shown_blobs).values("blob")
    Upload.objects.filter(repo_id=repo_id, blob__in=hidden_blobs).delete()


@dataclass(frozen=True)
class RequestedUpload:
    """Bytes to be brought for a repo; ``multipart`` where the client can send them in parts."""

    repo: ModelRepo
    sha256: str
    size_bytes: int
    multipart: bool


def link_for(repo: ModelRepo, caller: Caller, size_bytes: int, *, now: datetime) -> UploadLink:
    """Return a link for bytes whose sha256 the portal computes as they come."""
    person = require_publisher(caller, repo, now)
    return UploadLink(
        person_id=person.pk,
        token_id=caller.token.pk if caller.token else IN_PERSON,
        repo_id=repo.pk,
        sha256="",
        size_bytes=size_bytes,
        expires_at=now + settings.UPLOAD_LINK_TTL,
    )


def actions_for(
    requested: RequestedUpload, *, caller: Caller, now: datetime
) -> dict[str, dict[str, object]]:
    """Say how to bring these bytes, in the LFS protocol's form: upload here, then verify there."""
    if caller.token is None:
        raise LinkInvalid
    link = UploadLink(
        person_id=caller.token.user_id,
        token_id=caller.token.pk,
        repo_id=requested.repo.pk,
        sha256=requested.sha256,
        size_bytes=requested.size_bytes,
        expires_at=now + settings.UPLOAD_LINK_TTL,
    )
    direct = direct_uploads()
    if direct is None:
        return _actions(link, link_url(link, "upload"))
    upload = direct.start(
        requested.size_bytes, multipart=requested.multipart, ttl=settings.UPLOAD_LINK_TTL
    )
    staged = link.staged_at(upload.staged, upload.upload_id)
    if not upload.parts:
        return _actions(staged, upload.url)
    header = {str(number): url for number, url in enumerate(upload.parts, start=1)}
    header["chunk_size"] = str(upload.part_bytes)
    return _actions(staged, link_url(staged, "complete"), header)


def _actions(
    link: UploadLink, href: str, header: dict[str, str] | None = None
) -> dict[str, dict[str, object]]:
    upload: dict[str, object] = {"href": href, "expires_at": link.expires_at.isoformat()}
    if header:
        upload["header"] = header
    return {"upload": upload, "verify": {"href": link_url(link, "verify")}}


def open_upload(signed: str, *, now: datetime, length: str | None = None) -> UploadLink:
    """Return what a link is for, if its holder may still publish there.

    ``length`` is what the client says it will send. Raises LinkInvalid, LinkExpired,
    LinkWithdrawn, MayNotPublish or BytesRefused.
    """
    link = verify(signed, now=now)
    repo = ModelRepo.objects.with_names().get(pk=link.repo_id)
    require_publisher(_holder_of(link, now), repo, now)
    if length and length.isdigit() and int(length) != link.size_bytes:
        raise BytesRefused(f"{length} bytes come instead of {link.size_bytes}")
    return link


def _holder_of(link: UploadLink, now: datetime) -> Caller:
    """Return whom the link was made for. Raises LinkWithdrawn.

    Token and account are looked up anew: either may have ended since the link was made.
    """
    if link.token_id == IN_PERSON:
        person = User.objects.filter(pk=link.person_id, is_active=True).first()
        if person is None:
            raise LinkWithdrawn("The account that this link was made for is closed.")
        return Caller(person, None)
    usable = AccessToken.objects.usable_at(now).select_related("user")
    token = usable.filter(pk=link.token_id, user_id=link.person_id).first()
    if token is None:
        raise LinkWithdrawn("The token that this link was made with has expired or been revoked.")
    return Caller(token.user, token)


def take_in(link: UploadLink, incoming: Incoming, now: datetime) -> str:
    """Keep what came through the portal, and return its sha256. Raises BytesRefused."""
    arrived = link if link.sha256 else replace(link, sha256=incoming.sha256)
    try:
        git_sha1 = incoming.keep(arrived.sha256)
    except CorruptBlob as error:
        raise BytesRefused(str(error)) from error
    _note(arrived, git_sha1, now)
    return arrived.sha256


def complete(link: UploadLink, parts: Sequence[tuple[int, str]]) -> None:
    """Join what came to the bucket in parts. Raises BytesRefused."""
    direct = direct_uploads()
    if direct is None or not link.upload_id:
        raise LinkInvalid
    try:
        direct.complete(link.staged, link.upload_id, parts)
    except CorruptBlob as error:
        raise BytesRefused(str(error)) from error


def settle(link: UploadLink, now: datetime) -> None:
    """Make sure that the bytes are there and right. Calling it again changes nothing.

    Raises NotBrought or BytesRefused.
    """
    if not link.sha256:
        return  # kept as it came: its sha256 was computed then
    # Clients ask again where an answer was lost, and by then the staged bytes have been moved.
    if Upload.objects.filter(repo=link.repo_id, blob=link.sha256).exists():
        return
    direct = direct_uploads()
    if direct is None or not link.staged:
        raise NotBrought(link.sha256)
    try:
        git_sha1 = direct.settle(link.staged, link.sha256, link.size_bytes)
    except BlobMissing as error:
        raise NotBrought(link.sha256) from error
    except CorruptBlob as error:
        raise BytesRefused(str(error)) from error
    _note(link, git_sha1, now)


def _note(link: UploadLink, git_sha1: str, now: datetime) -> None:
    # Two clients may bring the same bytes at once: one row is made, and both succeed.
    with transaction.atomic():
        blob, _ = Blob.objects.get_or_create(
            sha256=link.sha256, defaults={"git_sha1": git_sha1, "size_bytes": link.size_bytes}
        )
        Upload.objects.get_or_create(
            repo_id=link.repo_id,
            blob=blob,
            defaults={"person_id": link.person_id, "arrived_at": now},
        )
