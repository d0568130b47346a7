"""docs/install.md names programs that a minimal Debian has, and a command that root can call."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
SCRIPT = re.compile(r"^cat > /usr/local/sbin/weightgate <<'END'\n(.*?)^END$", re.M | re.S)
RUNUSER = '#!/bin/sh\n[ "$1 $2 $3" = "-u weightgate --" ] || exit 9\nshift 3\nexec "$@"\n'
PROGRAM = '#!/bin/sh\nprintf "%s|" "$WEIGHTGATE_ENV_FILE" "$PWD" "$@"\n'


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_takes_sudo_for_granted(page):
    assert not re.search(r"\bsudo\b", page.read_text("utf-8"))


def test_the_command_by_its_name_is_the_accounts_with_its_settings(tmp_path):
    (script,) = SCRIPT.findall((ROOT / "docs/install.md").read_text("utf-8"))
    programs = {
        "weightgate": script.replace("/var/lib/weightgate", str(tmp_path)),
        "runuser": RUNUSER,
        "program": PROGRAM,
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROGRAM": str(tmp_path / "program")}
    shown = subprocess.run(
        [tmp_path / "weightgate", "manage", "two words"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    settings = "/etc/weightgate/weightgate.env"
    assert shown == f"{settings}|{tmp_path}|manage|two words|"
