"""`manage.py rotate_keys` takes each step once, in its order, and says what comes next."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from portal.audit.models import AuditEvent
from portal.key_rotation.lives import longest_life, signed_lives
from portal.key_rotation.secret_key import key_id

pytestmark = pytest.mark.django_db
PORTAL = Path(__file__).parents[3] / "portal"


def test_it_changes_the_lines_of_keys_alone(installation, settings):
    first = settings.SECRET_KEY
    assert "rotate_keys switch" in installation.rotate("introduce")
    coming = installation.standing["WEIGHTGATE_SECRET_KEY_NEXT"]
    assert installation.standing["WEIGHTGATE_SECRET_KEY"] == first
    printed = installation.rotate("switch")
    assert key_id(coming) in printed
    for key in (first, coming):
        assert key not in printed
    assert installation.path.read_text().startswith("# ours\nPORT=1\n")
    installation.rotate("drop", "--early")
    assert installation.standing == {
        "PORT": "1",
        "WEIGHTGATE_SECRET_KEY": coming,
        "WEIGHTGATE_TOKEN_PEPPER": first,
    }
    assert installation.path.stat().st_mode & 0o777 == 0o644  # as it was


def test_each_step_is_an_event_without_the_key(installation):
    for step in ("introduce", "switch", "replace"):
        installation.rotate(step)
    events = AuditEvent.objects.filter(type="keys.rotated").order_by("sequence")
    assert [event.data["step"] for event in events] == ["introduce", "switch", "replace"]
    assert events[2].data["key"] == key_id(installation.standing["WEIGHTGATE_SECRET_KEY"])


@pytest.mark.parametrize("step", ["introduce", "replace"])
def test_a_dry_run_changes_nothing(installation, step):
    before = installation.path.read_bytes()
    assert "Nothing was changed." in installation.rotate(step, "--dry-run")
    assert installation.path.read_bytes() == before
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("taken", "step", "words"),
    [
        ([], "switch", "no next key yet"),
        (["introduce"], "introduce", "a next key already"),
        (["introduce", "switch"], "switch", "no next key yet"),
        (["introduce"], "drop", "no former key"),
        (["introduce", "switch"], "drop", "may hold until"),
    ],
)
def test_a_step_out_of_order_is_refused(installation, taken, step, words):
    for name in taken:
        installation.rotate(name)
    before = installation.path.read_bytes()
    with pytest.raises(CommandError, match=words):
        installation.rotate(step)
    assert installation.path.read_bytes() == before


@pytest.mark.parametrize("step", ["status", "introduce", "switch", "replace", "manifest"])
def test_early_goes_with_drop_alone(installation, step):
    before = installation.path.read_bytes()
    with pytest.raises(CommandError, match="--early goes with the step drop"):
        installation.rotate(step, "--early")
    assert installation.path.read_bytes() == before


def test_the_former_key_can_go_when_the_longest_session_has_ended(installation):
    for step in ("introduce", "switch"):
        installation.rotate(step)
    ago = timezone.now() - longest_life()[1]
    AuditEvent.objects.filter(data__step="switch").update(at=ago)
    assert f"{timezone.now():%Y-%m-%d}" in installation.rotate("status")
    installation.rotate("drop")


def test_a_key_that_the_environment_sets_is_left_to_it(installation):
    installation.path.write_text("PORT=1\nWEIGHTGATE_SECRET_KEY=another\n")
    with pytest.raises(CommandError, match=r"docs/keys\.md"):
        call_command("rotate_keys", "introduce")


SIGNERS = {
    "access/certificates/signing_key.py": None,  # pyHanko's, by another key
    "accounts/mailboxes.py": "links to an address whose mail bounced",
    "accounts/services/renewal.py": "links that renew an affiliation",
    "delivery/links.py": "download links",
    "jobs/captures/links.py": "links to captures",
    "delivery/probes.py": "probes of nginx",
    "forms/kept.py": "forms that wait for a sign-in",
    "hub/uploads/links.py": "upload links",
}


def imports_signing(path: Path) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and (
            node.module == "django.core.signing"
            or (node.module == "django.core" and "signing" in {name.name for name in node.names})
        )
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


def test_all_that_signs_by_the_secret_key_has_a_known_life():
    signers = {
        path.relative_to(PORTAL).as_posix()
        for path in PORTAL.rglob("*.py")
        if "signing" in path.read_text("utf-8") and imports_signing(path)
    }
    assert signers == {path for path, kind in SIGNERS.items() if kind}
    assert {kind for kind in SIGNERS.values() if kind} <= set(signed_lives())
    assert max(signed_lives().values()) <= timedelta(days=14)
