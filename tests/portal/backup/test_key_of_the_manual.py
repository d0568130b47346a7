"""The key that docs/backup.md makes without age-keygen opens backups as it is saved."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from portal.backup.stream.encryption import identities_in, recipients_of

MANUAL = Path(__file__).parents[3] / "docs/backup.md"
PROGRAM = "/opt/weightgate/bin/python"


def test_it_is_saved_as_a_key_file_for_its_owner_alone(tmp_path):
    (block,) = re.findall(r"^```sh\n(\(umask.*?)^```", MANUAL.read_text(), re.MULTILINE | re.DOTALL)
    assert PROGRAM in block
    printed = subprocess.run(
        ["sh", "-ec", block.replace(PROGRAM, sys.executable)],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    file = tmp_path / "backup-key.txt"
    public = printed.split()[-1]
    (identity,) = identities_in(file)
    assert str(identity.to_public()) == public
    assert recipients_of([public])
    assert file.stat().st_mode & 0o777 == 0o600
