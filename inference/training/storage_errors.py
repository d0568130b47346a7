"""Tell faults of the storage from faults of the program, whichever library raises them."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.errors import TrainError

_RUST = re.compile(r"\(os error (\d+)\)")  # safetensors and tokenizers put the number in the text
_OTHERS = frozenset({errno.ENOMEM, errno.EAGAIN, errno.EINTR, errno.EPIPE})


def storage_fault(error: BaseException) -> str | None:
    """Return what the system says of a file that could not be read or written, or None."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (match := _RUST.search(str(error))):
        number = int(match[1])
    return None if number is None or number in _OTHERS else os.strerror(number)


@contextmanager
def storage_faults_named(directory: Path) -> Iterator[None]:
    """Raise TrainError in place of whatever a library raised for a full or failing disk."""
    try:
        yield
    except Exception as error:
        reason = None if isinstance(error, TrainError) else storage_fault(error)
        if reason is None:
            raise
        raise TrainError(
            f"{_file(error) or directory} cannot be read or written ({reason}): mend that and "
            "start again; training goes on from the last checkpoint"
        ) from error


def _file(error: Exception) -> str | None:
    return str(error.filename) if isinstance(error, OSError) and error.filename else None
