"""Read what a job captures and changes, with the tensors that it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from inference.interp.spec import WhiteBox
from inference.interp.tensors_file import read_tensor
from inference.interp.wire import TensorReference, read_captures, read_interventions, resolved
from portal.jobs.batches import contents
from portal.jobs.captures.references import find_captures, find_tensor_file
from portal.jobs.models import Job, StoredFile
from portal.storage import BlobMissing
from portal.storage.copying import file_of_blob

NOTHING = WhiteBox()


def white_box_of(job: Job, now: datetime) -> WhiteBox:
    """Return a job's captures and interventions, its references replaced by their tensors.

    Raises ValueError in words where one of them is gone by now.
    """
    if job.white_box is None:
        return NOTHING
    asked_for = WhiteBox(
        read_captures(job.white_box["capture"]), read_interventions(job.white_box["interventions"])
    )
    return resolved(asked_for, partial(_tensor, job=job, now=now))


def _tensor(reference: TensorReference, *, job: Job, now: datetime) -> Any:
    """Read the tensor that a reference names. Raises ValueError."""
    if reference.file is not None:
        with _file_of_parts(find_tensor_file(reference, job.caller)) as path:
            return read_tensor(path, reference.tensor)
    captures = find_captures(reference, job.caller, now)
    try:
        with file_of_blob(captures.blob_id) as path:
            return read_tensor(path, reference.tensor, reference.positions)
    except BlobMissing as error:
        raise ValueError(f"the captures of {reference.completion} are gone") from error


@contextmanager
def _file_of_parts(file: StoredFile) -> Iterator[Path]:
    with NamedTemporaryFile(prefix="tensors-") as copy:
        try:
            copy.writelines(contents.parts(file))
        except contents.PartMissing as error:
            raise ValueError("the file of tensors was deleted") from error
        copy.flush()
        yield Path(copy.name)
