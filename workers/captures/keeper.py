"""Store the captures of runs that have ended, while the engine goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from django.db import connections
from django.utils import timezone

from inference.interp.tensors_file import write_captured
from portal.jobs.captures.keeping import keep_captures
from portal.jobs.errors import LeaseLost
from workers.captures.spool import incoming_folder

if TYPE_CHECKING:
    from workers.runs import Run

log = logging.getLogger(__name__)
NOT_STORED = "What the job captured couldn’t be stored. Send it again."


class CaptureKeeper:
    """A thread that stores what ended runs have captured, so that the engine goes on meanwhile."""

    def __init__(self, on_kept: Callable[[Run], None]) -> None:
        self._on_kept = on_kept
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="captures")

    def keep(self, run: Run) -> None:
        """Begin to store the captures of a run. If it can’t be done, that is the run's error."""
        self._pool.submit(self._keep, run)

    def close(self) -> None:
        """Finish the one that is being stored; the others stay unfinished."""
        self._pool.shutdown(cancel_futures=True)

    def _keep(self, run: Run) -> None:
        with run.bound_to_log():
            try:
                _store(run)
            except LeaseLost:
                log.warning("Job %s is another’s by now; its captures are dropped", run.job.pk)
            except Exception:
                log.exception("The captures of job %s can’t be stored", run.job.pk)
                run.error = NOT_STORED
            finally:
                connections.close_all()  # this thread's own
                self._on_kept(run)


def _store(run: Run) -> None:
    captured = run.captured_by_choice()
    with NamedTemporaryFile(dir=incoming_folder(), prefix="captures-") as file:
        written = write_captured(cast("BinaryIO", file), captured)
        file.flush()
        keep_captures(
            job_id=run.job.pk,
            attempt=run.job.attempt,
            path=Path(file.name),
            sha256=written.sha256,
            tensors={
                name: {"dtype": layout.dtype, "shape": list(layout.shape)}
                for name, layout in written.tensors.items()
            },
            now=timezone.now(),
        )
