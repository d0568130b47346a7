"""Read the systemd units of deploy/systemd."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.embedded.demo.parts import ROOT

FOLDER = ROOT / "deploy/systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
PROGRAM = "/opt/weightgate/bin/weightgate"


@dataclass(frozen=True)
class ServiceUnit:
    """The lines of a unit's [Service]; of a name that stands twice, the last counts."""

    name: str
    lines: Mapping[str, str]

    @property
    def arguments(self) -> list[str]:
        """Return what comes after the program in ExecStart."""
        program, *arguments = shlex.split(self.lines["ExecStart"])
        assert program == PROGRAM
        return arguments


def read_unit(path: Path) -> ServiceUnit:
    section, lines = "", {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            lines[name] = value
    return ServiceUnit(path.stem.removeprefix("weightgate-"), lines)
