"""Make year.dump: a generated year at the schema of an earlier commit, as README.md says.

python -m tests.upgrades.make_year --requests 60 --days 365 --until 2026-11-29
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.upgrades.earlier_code import COMMIT, unpack_earlier_code
from tests.upgrades.restoring import PROGRAMS, ROOT, YEAR

GENERATOR = ("portal/synthetic", "portal/site/management/commands/generate_data.py")
# The generator is younger than that commit: what it calls otherwise than was usual then.
ADAPTED = {
    "cases.py": (
        ("portal.access.applicant.submission", "portal.access.requests.submission"),
        ("portal.access.requests.routing", "portal.access.requests.submission"),
        ("signatures=[signature]", "signature=signature"),
        ("            is_undoable=False,\n", ""),
    ),
    "models.py": (
        ("from portal.catalog.statements import Consent, HostingStatement\n", ""),
        ("        consent=Consent(HostingStatement()),\n", ""),
        ("        namespace=LAB,\n        version=", "        version="),
    ),
    "generation.py": (
        ("from portal.access.evidence.refreshing import refresh_evidence\n", ""),
        ("    refresh_evidence(undecided, world.ends)\n", ""),
        ("from portal.access.people.operators import take_operator\n", ""),
        ("import TIMERS, tick", "import tick"),
        (
            "DEADLINES = {name: timer for name, timer in TIMERS.items() "
            'if name not in ("evidence", "digest")}\n',
            "",
        ),
        ("tick(now, DEADLINES)", "tick(now)"),
        ('{"undo_minutes": UNDO_MINUTES}', "{}"),
        ("if User.objects.operators().exclude(pk=world.operator.pk).exists():", "if False:"),
    ),
}


def main(arguments: list[str]) -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    from throwaway import servers

    with tempfile.TemporaryDirectory() as folder, servers():
        code = Path(folder)
        unpack_earlier_code(code)
        subprocess.run(["cp", "-r", "--parents", *GENERATOR, code], cwd=ROOT, check=True)
        for name, changes in ADAPTED.items():
            adapt(code / "portal/synthetic" / name, changes)
        for command in (["migrate", "--verbosity", "0"], ["generate_data", *arguments]):
            subprocess.run([sys.executable, "manage.py", *command], cwd=code, check=True)
        options = ["--format=custom", "--compress=9", "--no-owner", "--no-privileges"]
        url = os.environ["DATABASE_URL"]
        subprocess.run([PROGRAMS / "pg_dump", *options, "--file", YEAR, url], check=True)
    print(f"{YEAR}: {YEAR.stat().st_size:,} bytes, at the schema of {COMMIT}")


def adapt(path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    text = path.read_text("utf-8")
    for now, then in changes:
        if now not in text:
            raise SystemExit(f"{path.name} has no {now!r} any more: correct ADAPTED.")
        text = text.replace(now, then)
    path.write_text(text, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
