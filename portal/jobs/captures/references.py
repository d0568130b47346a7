"""Find the tensors that a request names: of one's own files, of one's own earlier completions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NoReturn
from uuid import UUID

from inference.interp.file_layout import read_name
from inference.interp.reductions import ReduceKind
from inference.interp.spec import Capture, Site, WhiteBox
from inference.interp.wire import TensorReference, read_captures, resolved
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
MOST_NAMED = 12  # positions in a message


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
    captures = None if reference.file is not None else find_captures(reference, caller, now)
    tensors = captures.tensors if captures else find_tensor_file(reference, caller).tensors or {}
    if reference.tensor not in tensors:
        raise ValueError(f"there is no tensor {reference.tensor[:80]!r} in {_place(reference)}")
    shape = list(tensors[reference.tensor]["shape"])
    if captures is not None and reference.positions is not None:
        _require_rows(reference, captures, row_count=shape[0])
        shape[:1] = [len(reference.positions)]
    return replace(reference, shape=tuple(shape))


def _require_rows(reference: TensorReference, captures: CaptureFile, *, row_count: int) -> None:
    """Require that the tensor has a row for each position that is named. Raises ValueError.

    Of a tensor reduced to one row the position isn't known here: its file alone has it.
    """
    _, (site, layer, kind) = read_name(reference.tensor)
    if kind in ("last", "mean"):
        return
    asked_for = read_captures((captures.job.white_box or {}).get("capture"))
    capture = next(it for it in asked_for if _makes(it, site, layer, kind))
    # A sample that stopped early has the first of the positions that were asked for.
    here = sorted(range(row_count) if capture.positions is None else capture.positions)[:row_count]
    missing = sorted(set(reference.positions or ()).difference(here))
    if missing:
        raise ValueError(
            f"{reference.tensor} of {_place(reference)} has no values at position {missing[0]}: "
            f"it has {_in_short(here)}"
        )


def _makes(capture: Capture, site: Site, layer: int | None, kind: ReduceKind | None) -> bool:
    """Tell whether a capture is the one that a tensor comes of."""
    of_layer = layer is None or capture.layers is None or layer in capture.layers
    return capture.site == site and capture.reduce_kind == kind and of_layer


def _in_short(positions: list[int]) -> str:
    """Say which positions there are: a range where none is left out, else the first few."""
    if not positions:
        return "none"
    first, last = positions[0], positions[-1]
    if len(positions) == last - first + 1:
        return f"{first} to {last}"
    more = "" if len(positions) <= MOST_NAMED else " …"
    return ", ".join(map(str, positions[:MOST_NAMED])) + more


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
