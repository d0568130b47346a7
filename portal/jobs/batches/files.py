"""Keep files of prompts for their owner: upload, find, list, delete."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO, TypeVar, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Model, QuerySet, Sum

from portal.accounts.models import User
from portal.accounts.tokens.authentication import Caller
from portal.errors import TooLarge
from portal.jobs.batches import contents
from portal.jobs.batches.models import Batch, StoredFile
from portal.jobs.batches.public_ids import FILE_PREFIX, read_id
from portal.jobs.captures.tensors import read_tensors
from portal.jobs.errors import BadParameter, StoredFileInUse, StoredFileNotFound

M = TypeVar("M", bound=Model)
LONGEST_NAME = 255
# What to send, by purpose.
EMPTY = {
    StoredFile.Purpose.BATCH: "Write one request a line.",
    StoredFile.Purpose.TENSORS: "Send a safetensors file.",
}


@transaction.atomic
def store_file(
    *,
    caller: Caller,
    uploaded: UploadedFile[bytes],
    now: datetime,
    purpose: StoredFile.Purpose = StoredFile.Purpose.BATCH,
) -> StoredFile:
    """Keep an uploaded file. Raises TooLarge, BadParameter; then nothing is kept."""
    require_bearable(uploaded.size or 0)
    if not uploaded.size:
        raise BadParameter(f"The file is empty. {EMPTY[purpose]}", field="file")
    person, tensors = caller.named, None
    if purpose == StoredFile.Purpose.TENSORS:
        tensors = read_tensors(cast("BinaryIO", uploaded.file), uploaded.size)
        uploaded.seek(0)
    file = StoredFile.objects.create(
        person=person,
        token=caller.token,
        purpose=purpose,
        tensors=tensors,
        filename=(uploaded.name or "file")[:LONGEST_NAME],
        created_at=now,
    )
    file.size_bytes = contents.append(file, uploaded.chunks(contents.PART_BYTES))
    file.save(update_fields=["size_bytes"])
    # Last, and under a lock: of two files at once only one may take what is left.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    _require_room(person)
    return file


def require_bearable(size_bytes: int) -> None:
    """Refuse a file by its size. Raises TooLarge."""
    if size_bytes > settings.FILE_BYTES:
        raise TooLarge(
            f"Send files of {settings.FILE_BYTES:,} bytes at most. Split it into several.",
            field="file",
        )


def _require_room(person: User) -> None:
    most = settings.FILE_BYTES_PER_PERSON
    # What a batch captured was counted as it left, and lies elsewhere.
    own = StoredFile.objects.filter(person=person, shard=None)
    taken = own.aggregate(total=Sum("size_bytes"))["total"]
    if taken > most:
        raise BadParameter(
            f"Your files may take {most:,} bytes together. Delete some, and send it again.",
            field="file",
        )


def files_of(caller: Caller) -> QuerySet[StoredFile]:
    """Select a person's files, without what a batch still writes."""
    return within_token(StoredFile.objects.filter(person=caller.named, is_whole=True), caller)


def within_token(rows: QuerySet[M], caller: Caller) -> QuerySet[M]:
    """Select what came by the caller's token, if that is for some models alone.

    A file says of no model, so it may hold what the token isn't for.
    """
    token = caller.token
    return rows if token is None or token.repo_ids is None else rows.filter(token=token)


def find_file(*, caller: Caller, public_id: str, field: str | None = None) -> StoredFile:
    """Find a person's own file; others' don’t exist to them. Raises StoredFileNotFound."""
    file_id = read_id(FILE_PREFIX, public_id)
    file = files_of(caller).filter(pk=file_id).first() if file_id else None
    if file is None:
        raise StoredFileNotFound(field)
    return file


@transaction.atomic
def delete_file(*, caller: Caller, public_id: str) -> None:
    """Delete one's own file for good. Raises StoredFileNotFound, StoredFileInUse.

    A batch has what it needs of its file once it is in progress.
    """
    file = find_file(caller=caller, public_id=public_id)
    StoredFile.objects.select_for_update(no_key=True).get(pk=file.pk)
    if Batch.objects.filter(state=Batch.State.VALIDATING, input_file_id=file.pk).exists():
        raise StoredFileInUse
    file.delete()
