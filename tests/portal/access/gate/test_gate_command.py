"""``manage.py gate``: what its page sets is set without one, and refused in the same words."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from portal.audit.models import AuditEvent
from portal.catalog.models import TeamMember
from tests.factories.accounts import make_user
from tests.factories.catalog import make_repo, make_reviewer

pytestmark = pytest.mark.django_db


@pytest.fixture
def repo():
    repo = make_repo("opt", undo_minutes=None)
    make_reviewer(repo, role=TeamMember.Role.ADMINISTRATOR, username="ada")
    return repo


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("gate", *arguments, stdout=out)
    return out.getvalue()


def test_settings_are_shown_and_changed_singly(repo):
    said = run("set", repo.full_name, "--as=ada", "--undo-minutes=0", "--names-reviewers=yes")
    assert "undo_minutes: 10 is now 0" in said
    shown = json.loads(run("show", repo.full_name))
    assert (shown["undo_minutes"], shown["names_reviewers"], shown["quorum"]) == (0, True, 1)
    assert "Nothing differs" in run("set", repo.full_name, "--as=ada", "--undo-minutes=0")
    assert AuditEvent.objects.filter(type="repo.gate_configured").count() == 1


def test_the_chair_is_named_and_relieved_and_nothing_is_half_done(repo):
    assert "chair: '' is now 'ada'" in run("set", repo.full_name, "--as=ada", "--chair=ada")
    with pytest.raises(CommandError, match="--chair: Nobody here"):
        run("set", repo.full_name, "--as=ada", "--undo-minutes=0", "--chair=nobody")
    shown = json.loads(run("show", repo.full_name))
    assert (shown["chair"], shown["undo_minutes"]) == ("ada", 10)
    assert "is now ''" in run("set", repo.full_name, "--as=ada", "--chair=none")


def test_what_the_team_cannot_live_up_to_is_refused_by_its_option(repo):
    make_user("eve")
    with pytest.raises(CommandError, match="--quorum"):
        run("set", repo.full_name, "--as=ada", "--quorum=9")
    with pytest.raises(CommandError, match="--question-days: Choose 7 to 365"):
        run("set", repo.full_name, "--as=ada", "--question-days=1")
    with pytest.raises(CommandError, match="for the people who run"):
        run("set", repo.full_name, "--as=eve", "--undo-minutes=0")
    assert json.loads(run("show", repo.full_name))["quorum"] == 1
