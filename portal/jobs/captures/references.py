"""Find the tensors that a request names: of one's own files, of one's own earlier completions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NoReturn
from uuid import UUID

from inference.interp.spec import WhiteBox
from inference.interp.wire import TensorReference, resolved
from portal.access.policy.policy import Action, may_call
from portal.accounts.tokens.authentication import Caller
from portal.jobs.batches.files import files_of, within_token
from portal.jobs.batches.models import StoredFile
from portal.jobs.batches.public_ids import COMPLETION_PREFIX, FILE_PREFIX, read_id
from portal.jobs.captures.fields import sentence
from portal.jobs.captures.models import CaptureFile
from portal.jobs.errors import BadParameter
from portal.jobs.models import Job

NO_JOB = UUID(int=0)


def with_shapes(white_box: WhiteBox, caller: Caller, now: datetime) -> WhiteBox:
    """Return what a request asks for, each tensor that it names with its shape.

    Raises BadParameter where one isn't there, or is none of the caller's.
    """
    find = partial(_with_shape, caller=caller, now=now)
    try:
        return resolved(white_box, find)
    except ValueError as error:
        field = "interventions" if str(error).startswith("intervention") else "capture"
        raise BadParameter(sentence(error), field=field) from error


def _with_shape(reference: TensorReference, *, caller: Caller, now: datetime) -> TensorReference:
    if reference.file is not None:
        tensors = find_tensor_file(reference, caller).tensors or {}
    else:
        tensors = find_captures(reference, caller, now).tensors
    if reference.tensor not in tensors:
        raise ValueError(f"there is no tensor {reference.tensor[:80]!r} in {_place(reference)}")
    shape = list(tensors[reference.tensor]["shape"])
    if reference.positions is not None:
        shape[:1] = [len(reference.positions)]
    return replace(reference, shape=tuple(shape))


def find_tensor_file(reference: TensorReference, caller: Caller) -> StoredFile:
    """Find one's own file of tensors. Raises ValueError."""
    file_id = read_id(FILE_PREFIX, reference.file or "")
    file = files_of(caller).filter(pk=file_id).first() if file_id else None
    if file is None:
        return _gone(reference)
    if file.purpose != StoredFile.Purpose.TENSORS:
        raise ValueError(
            f"{reference.file} is no file of tensors: download it, and send it to /v1/files with "
            "the purpose “tensors”"
        )
    return file


def find_captures(reference: TensorReference, caller: Caller, now: datetime) -> CaptureFile:
    """Find what one's own completion captured. Raises ValueError.

    Whoever may look into that model no more gets no more out of it either.
    """
    job_id = read_id(COMPLETION_PREFIX, reference.completion or "")
    jobs = within_token(Job.objects.of(caller.named), caller)
    captured = CaptureFile.objects.filter(job__in=jobs.filter(pk=job_id or NO_JOB), is_whole=True)
    captures = captured.select_related("job__repo__namespace", "job__revision").first()
    if captures is None or not may_call(caller, Action.CAPTURE, captures.job.revision, now).allowed:
        return _gone(reference)
    return captures


def _gone(reference: TensorReference) -> NoReturn:
    raise ValueError(f"there is no {_place(reference)}, or none of yours, or it is gone")


def _place(reference: TensorReference) -> str:
    if reference.file is not None:
        return f"file of tensors {reference.file[:80]}"
    return f"completion with captures {(reference.completion or '')[:80]}"
