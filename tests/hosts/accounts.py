"""An account of its own for each host, by a number alone; only root can give one.

Otherwise both hosts run as the account of the tests.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from portal.embedded.accounts import Account

UIDS = {"web": 61001, "worker": 61002}  # free on most machines
LEFT_OUT = shutil.ignore_patterns("site-packages", "test", "config-*", "*.a")


def uid_of(host: str) -> int | None:
    return UIDS[host] if os.geteuid() == 0 else None


class Interpreter:
    """A Python that the hosts' accounts can start, with the packages of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self.program, self.env = Path(sys.executable), dict[str, str]()
        if not all(self._is_reached_by(uid_of(host)) for host in UIDS):
            self._copy(folder / "python")

    def _is_reached_by(self, uid: int | None) -> bool:
        """Tell whether the account can start it, as a virtual environment may lead into /root."""
        home = self.program.resolve().parent
        return uid is None or Account(uid, uid).can_pass(home)

    def _copy(self, folder: Path) -> None:
        base = Path(sys.base_prefix)
        shutil.copytree(base / "lib", folder / "lib", symlinks=True, ignore=LEFT_OUT)
        self.program = folder / "bin" / self.program.resolve().name
        self.program.parent.mkdir()
        shutil.copy2(Path(sys.executable).resolve(), self.program)
        self.env = {
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "LD_LIBRARY_PATH": str(folder / "lib"),
        }
