"""The results of checks: what is so, and what to do about it where it is wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """The weight of a finding; only a fault makes the installation unsound."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class DoctorFinding:
    """A sentence about the installation; a warning and a fault have a remedy."""

    state: FindingState
    message: str
    remedy: str = ""
    check: str = ""

    def as_data(self) -> dict[str, str]:
        return asdict(self)


Findings = list[DoctorFinding]


def ok(message: str) -> DoctorFinding:
    return DoctorFinding(FindingState.OK, message)


def warning(message: str, remedy: str) -> DoctorFinding:
    return DoctorFinding(FindingState.WARNING, message, remedy)


def fault(message: str, remedy: str) -> DoctorFinding:
    return DoctorFinding(FindingState.FAULT, message, remedy)


def skipped(message: str) -> DoctorFinding:
    return DoctorFinding(FindingState.SKIPPED, message)


def is_sound(findings: Findings) -> bool:
    """Tell whether nothing is at fault."""
    return all(finding.state != FindingState.FAULT for finding in findings)
