"""``manage.py setup`` from an empty database, where no setting exists: unattended, and asked."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.setup.installing import PASSWORD, answers, bare
from tests.upgrades.restoring import ROOT, new_database

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture
def database() -> Iterator[str]:
    with new_database(f"weightgate_setup_{WORKER}") as url:
        yield url


def manage(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", ROOT / "manage.py", *arguments],
        cwd=folder,
        env=bare(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_makes_an_installation_once(database, tmp_path):
    """A second run changes nothing, and every other command finds the settings by itself."""
    unset = manage(tmp_path, "setup", "--no-input")
    assert unset.returncode == 1
    for words in ("--base-url or WEIGHTGATE_BASE_URL", "--namespace or", "--password-stdin"):
        assert words in unset.stderr
    assert list(tmp_path.iterdir()) == []
    unattended = (*answers(database), "--no-input", "--json")
    first = manage(tmp_path, "setup", *unattended, WEIGHTGATE_SETUP_PASSWORD=PASSWORD)
    assert first.returncode == 0, first.stderr
    made = json.loads(first.stdout)
    assert made["present"] == []
    assert [step["url"] for step in made["next"]["open"]] == [
        "http://127.0.0.1:8123/accounts/login/",
        "http://127.0.0.1:8123/labs/example-lab",
        "http://127.0.0.1:8123/labs/example-lab/models/new",
    ]
    file = tmp_path / "weightgate.env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    before = file.read_bytes()
    again = manage(tmp_path, "setup", *unattended)
    assert json.loads(again.stdout)["made"] == []
    assert file.read_bytes() == before
    dry = manage(tmp_path, "setup", *unattended, "--dry-run")
    assert json.loads(dry.stdout)["would_make"] == []
    shown = manage(tmp_path, "shell", "-c", SHOW).stdout.splitlines()
    assert json.loads(shown[-1]) == {
        "operator": ["ada", "ada@lab.example", True, True],
        "publishes": ["ada", "example-lab"],
        "sender": "Example Lab <gate@lab.example>",
        "events": [
            "account.created",
            "lab.created",
            "namespace.role_given",
            "operator.role_given",
        ],
    }
    assert (tmp_path / "var/manifest/key.pem").exists()
    assert (tmp_path / "var/signing/certificate.pem").exists()


def test_a_right_that_was_given_up_is_not_given_back(database, tmp_path):
    unattended = (*answers(database), "--no-input", "--json")
    manage(tmp_path, "setup", *unattended, WEIGHTGATE_SETUP_PASSWORD=PASSWORD)
    manage(tmp_path, "shell", "-c", GIVE_UP)
    assert json.loads(manage(tmp_path, "setup", *unattended).stdout)["made"] == []
    named = manage(tmp_path, "setup", *unattended, "--publisher", "ada")
    assert json.loads(named.stdout)["made"] == ["ada’s right to publish in example-lab"]


GIVE_UP = """
from portal.accounts.models import NamespaceRole
NamespaceRole.objects.all().delete()
"""
SHOW = """
import json
from django.conf import settings
from portal.accounts.models import Namespace, NamespaceRole, User
from portal.audit.models import AuditEvent
user = User.objects.get()
role = NamespaceRole.objects.get()
print(json.dumps({
    "operator": [user.username, user.email, user.is_superuser, user.has_verified_email],
    "publishes": [role.user.username, role.namespace.name],
    "sender": settings.DEFAULT_FROM_EMAIL,
    "events": sorted(AuditEvent.objects.values_list("type", flat=True)),
}))
"""


def test_a_person_is_asked_at_the_terminal(tmp_path):
    """Enter takes what is offered; a password is typed twice and not shown."""
    with new_database(f"weightgate_asked_{WORKER}") as database:
        shown = converse(
            tmp_path,
            [
                ("Address that people and clients use [http://127.0.0.1:8000]: ", "ftp://x"),
                ("Write it as https://weights.example.org.", None),
                ("Address that people and clients use [http://127.0.0.1:8000]: ", ""),
                ("titles and letters [Weightgate]: ", ""),
                ("Sender of its mail [weightgate@localhost]: ", ""),
                ("[files]: ", ""),
                ("weightgate]: ", database),
                ("6379/0]: ", os.environ["REDIS_URL"]),
                ("logs [", ""),
                ("User name of the operator: ", "ada"),
                ("address: ", "ada@lab.example"),
                ("full name: ", "Ada"),
                ("password: ", PASSWORD),
                ("again: ", PASSWORD),
                ("names: ", "example-lab"),
                ("in full [example-lab]: ", ""),
                ("publishes there [ada]: ", ""),
                ("Nothing was changed.", None),
            ],
        )
    assert PASSWORD not in shown
    assert "Would make the operator ada." in shown
    assert list(tmp_path.iterdir()) == []


def converse(folder: Path, exchange: list[tuple[str, str | None]]) -> str:
    """Wait for each text, and type a line where there is one to type; return what was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-W", "ignore", ROOT / "manage.py", "setup", "--dry-run"]
    process = subprocess.Popen(
        command, cwd=folder, env=bare(), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    shown, place = "", 0
    try:
        for text, typed in exchange:
            while text not in shown[place:]:
                assert select.select([ours], [], [], 60.0)[0], f"no “{text}” in:\n{shown}"
                shown += os.read(ours, 4096).decode(errors="replace")
            place = shown.index(text, place) + len(text)
            if typed is not None:
                os.write(ours, f"{typed}\n".encode())
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
    return shown


def test_a_file_that_cannot_be_read_stops_every_command_naming_the_line(tmp_path):
    (tmp_path / "weightgate.env").write_text("# mine\nWEIGHTGATE_SECRET_KEY=a b\n")
    for words in (("setup", "--no-input"), ("check",)):
        done = manage(tmp_path, *words)
        assert done.returncode == 1
        assert "weightgate.env, line 2" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    missing = manage(tmp_path, "check", WEIGHTGATE_ENV_FILE=str(tmp_path / "none"))
    assert "there is no such file" in missing.stderr
