"""Run the checks side by side, each with a time limit: one that hangs hides no other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from django.db import OperationalError, connections

from portal.database.refusals import grants_needed, lacks_rights, reason_of
from portal.doctor.findings import DoctorFinding, Findings, fault, skipped

log = logging.getLogger(__name__)
SECONDS = 15.0


@dataclass(frozen=True)
class DoctorCheck:
    """A function that looks at one thing, and the name under which its findings stand."""

    name: str
    title: str
    look: Callable[[], Findings]


def examine(checks: Sequence[DoctorCheck], seconds: float = SECONDS) -> Findings:
    """Run the checks and return their findings, in their order, within about ``seconds``."""
    deadline = time.monotonic() + seconds
    running = [_RunningCheck(check) for check in checks]
    return [finding for check in running for finding in check.findings_by(deadline, seconds)]


class _RunningCheck:
    """A check in a thread of its own, which nobody waits for once its time is over."""

    def __init__(self, check: DoctorCheck) -> None:
        self._check = check
        self._findings: Findings | None = None
        self._thread = threading.Thread(target=self._run, name=f"check-{check.name}", daemon=True)
        self._thread.start()

    def findings_by(self, deadline: float, seconds: float) -> Findings:
        self._thread.join(max(0.0, deadline - time.monotonic()))
        findings = self._findings
        if findings is None:
            findings = [
                fault(
                    f"It didn’t end within {seconds:g} seconds.",
                    "See which service is slow or unreachable; the log may say more.",
                )
            ]
        return [replace(finding, check=self._check.name) for finding in findings]

    def _run(self) -> None:
        try:
            self._findings = self._check.look()
        except OperationalError:  # the check of the database says why
            self._findings = [skipped("Not checked, since the database can’t be reached.")]
        except Exception as error:  # noqa: BLE001, a check that fails is a finding, and no end
            self._findings = [self._failed(error)]
        finally:
            connections.close_all()  # this thread's own

    def _failed(self, error: Exception) -> DoctorFinding:
        if lacks_rights(error):
            return fault(f"The database refused: {reason_of(error)}.", grants_needed())
        log.warning("The check %s failed", self._check.name, exc_info=error)
        return fault(f"The check failed: {reason_of(error)}", "Read the log.")
