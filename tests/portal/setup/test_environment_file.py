"""The environment file: systemd, a shell and the settings read the same in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import env_file
from portal.embedded.demo.adopting import adopt_demo, leave_note
from tests.portal.setup.installing import bare


def test_variables_win_over_the_file(tmp_path):
    path = tmp_path / "some.env"
    env_file.complete(path, {"WEIGHTGATE_SITE_NAME": "the file’s", "REDIS_URL": "redis://a b'c\"$"})
    environ = {"WEIGHTGATE_ENV_FILE": str(path), "WEIGHTGATE_SITE_NAME": "the environment’s"}
    env_file.load(environ)
    assert environ["WEIGHTGATE_SITE_NAME"] == "the environment’s"
    assert environ["REDIS_URL"] == "redis://a b'c\"$"
    shell = f'. {path}; printf %s "$REDIS_URL"'
    assert subprocess.check_output(["sh", "-c", shell], text=True) == environ["REDIS_URL"]


def test_a_demo_reads_no_file(tmp_path):
    path = tmp_path / "some.env"
    path.write_text("WEIGHTGATE_STORAGE=s3\n")
    environ = {"WEIGHTGATE_ENV_FILE": str(path), "WEIGHTGATE_DEMO": "1"}
    env_file.load(environ)
    assert "WEIGHTGATE_STORAGE" not in environ


def test_manage_py_beside_a_file_is_the_installations(tmp_path, monkeypatch):
    """A running demo in the same folder is taken only where WEIGHTGATE_VAR names it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo/run").mkdir(parents=True)
    leave_note(tmp_path / "demo", {"WEIGHTGATE_DEMO": "1"})
    (tmp_path / "some.env").write_text("WEIGHTGATE_SITE_NAME=ours\n")
    demo = {"WEIGHTGATE_VAR": str(tmp_path / "demo")}
    ours = demo | {"WEIGHTGATE_ENV_FILE": str(tmp_path / "some.env")}
    for environ in (demo, ours):
        adopt_demo(environ)
        env_file.load(environ)
    assert "WEIGHTGATE_SITE_NAME" not in demo
    assert demo["WEIGHTGATE_DEMO"] == "1"
    assert ours["WEIGHTGATE_SITE_NAME"] == "ours"
    assert "WEIGHTGATE_DEMO" not in ours


def test_without_settings_it_is_said_where_they_were_looked_for(tmp_path):
    usual, empty = tmp_path / "weightgate.env", tmp_path / "empty.env"
    empty.touch()
    manage = Path(__file__).parents[3] / "manage.py"
    run = subprocess.run(
        [sys.executable, str(manage), "showmigrations"],
        env=bare(WEIGHTGATE_VAR=str(tmp_path)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert f"there is no {usual}" in run.stderr
    assert "Name the installation’s file by WEIGHTGATE_ENV_FILE" in run.stderr
    for value, words in ((str(empty), f"{empty} doesn’t set it"), ("", "is empty")):
        assert words in env_file.nothing_found({"WEIGHTGATE_ENV_FILE": value})


def test_a_file_in_a_closed_folder_is_said_to_be_unreadable(tmp_path, monkeypatch):
    path = tmp_path / "some.env"

    def refuse(self: Path, *arguments: object, **named: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    for name in ("stat", "read_text"):
        monkeypatch.setattr(Path, name, refuse)
    environ = {"WEIGHTGATE_ENV_FILE": str(path)}
    adopt_demo(environ)
    with pytest.raises(ImproperlyConfigured, match=f"{path} can’t be read as settings"):
        env_file.load(environ)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["lab", "--help"], "make a lab, as an operator"), (["--help"], "publish_licence")],
)
def test_help_needs_no_installation(tmp_path, arguments, words):
    bare = {"PATH": os.environ["PATH"], "WEIGHTGATE_ENV_FILE": "", "WEIGHTGATE_VAR": str(tmp_path)}
    command = [sys.executable, "manage.py", *arguments]
    printed = subprocess.run(command, env=bare, capture_output=True, text=True, check=True)
    assert words in printed.stdout
    assert "WEIGHTGATE_SECRET_KEY" not in printed.stdout + printed.stderr
