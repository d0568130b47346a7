"""Each answer that can’t be is refused in a sentence, and nothing is half made."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from portal.accounts.models import Namespace, User
from portal.accounts.services import create_user
from portal.audit.models import AuditEvent
from portal.errors import DomainError
from portal.setup import command
from portal.setup.answering import Unanswered
from tests.factories.accounts import LONG_AGO, make_lab, make_user

pytestmark = pytest.mark.django_db
GOOD = {
    "base_url": "https://weights.example.org",
    "mail_from": "gate@example.org",
    "database_url": os.environ["DATABASE_URL"],
    "redis_url": os.environ["REDIS_URL"],
    "smtp_host": "mail.example.org",
    "operator": "ada",
    "email": "ada@example.org",
    "name": "Ada O’Hara",
    "namespace": "example-lab",
}
OPTIONS = {"password_stdin": False, "no_input": True, "dry_run": False, "json": False}


@pytest.fixture(autouse=True)
def _own_keys(settings, tmp_path: Path) -> None:
    settings.VAR = tmp_path / "var"
    settings.MANIFEST_KEY_FILE = settings.MANIFEST_KEY_MADE_AT = tmp_path / "var/manifest/key.pem"
    settings.SIGNING_KEY_FILE = tmp_path / "var/signing/key.pem"
    settings.SIGNING_CERT_FILE = tmp_path / "var/signing/certificate.pem"


def set_up(tmp_path: Path, asker: Any = None, environ: Any = None, **answers: Any) -> str:
    said = {"env_file": str(tmp_path / "some.env"), "var": str(tmp_path / "var")}
    surroundings = {"WEIGHTGATE_SETUP_PASSWORD": "correct horse battery"} | (environ or {})
    return command.run(OPTIONS | said | GOOD | answers, surroundings, asker)


@pytest.mark.parametrize(
    ("name", "answer", "sentence"),
    [
        ("base_url", "weights.example.org", "Write it as https://"),
        ("base_url", "https://weights.example.org/gate", "without a path"),
        ("base_url", "https://weights.example.org:99999", "Write it as https://"),
        ("mail_from", "nobody", "name@example.org"),
        ("mail_from", "Lab, the <gate@example.org>", "Example Lab <gate@example.org>"),
        ("site_name", "two\nlines", "one line"),
        ("mail", "pigeon", "files or smtp"),
        ("mail", "files", "reaches nobody"),
        ("smtp_port", "many", "from 1 to 65535"),
        ("smtp_tls", "yes", "1 for yes"),
        ("database_url", "sqlite:///x", "postgresql://"),
        ("redis_url", "localhost", "redis://"),
        ("var", "/proc/nowhere/var", "can’t be written by this account"),
        ("env_file", "/proc/nowhere/some.env", "can’t be written by this account"),
        ("operator", "a b", "(a–z, A–Z), digits"),
        ("operator", "Läb", "(a–z, A–Z), digits"),
        ("operator", "accounts", "a page of this site"),
        ("operator", "Taken", "is taken here"),
        ("email", "ada", "name@example.org"),
        ("email", "TAKEN@university.example", "belongs to an account"),
        ("name", " ", "may not be empty"),
        ("namespace", "a--b", "without “--”"),
        ("namespace", "Ada", "is taken"),
        ("namespace", "taken", "is taken"),
        ("publisher", "nobody", "There is no account nobody"),
    ],
)
def test_a_wrong_answer_is_named_with_its_remedy(tmp_path, name, answer, sentence):
    make_user("taken")
    before = (User.objects.count(), AuditEvent.objects.count())
    with pytest.raises(Unanswered) as refusal:
        set_up(tmp_path, **{name: answer})
    assert len(refusal.value.faults) == 1
    assert f"--{name.replace('_', '-')}" in refusal.value.faults[0]
    assert sentence in refusal.value.faults[0]
    assert (User.objects.count(), AuditEvent.objects.count()) == before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["BLOB_DIR", "MANIFEST_KEY_FILE", "SIGNING_KEY_FILE", "SIGNING_CERT_FILE"]
)
def test_a_folder_of_the_environment_that_cannot_be_written_stops_it_first(tmp_path, name):
    with pytest.raises(Unanswered) as refusal:
        set_up(tmp_path, environ={f"WEIGHTGATE_{name}": "/proc/nowhere/it"})
    (fault,) = refusal.value.faults
    assert fault.startswith(f"WEIGHTGATE_{name}: /proc/nowhere")
    assert not User.objects.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("password", "sentence"),
    [("short", "8 characters"), ("adaohara", "less like your name"), ("1234567890", "digits")],
)
def test_a_weak_password_is_refused(tmp_path, password, sentence):
    with pytest.raises(Unanswered, match=sentence):
        set_up(tmp_path, environ={"WEIGHTGATE_SETUP_PASSWORD": password})
    assert not User.objects.exists()


def test_a_demos_folder_is_no_installations(tmp_path):
    (tmp_path / "demo.json").write_text("{}")
    with pytest.raises(Unanswered, match="a demo’s folder"):
        set_up(tmp_path, var=str(tmp_path))
    with pytest.raises(DomainError, match="WEIGHTGATE_DEMO"):
        set_up(tmp_path, environ={"WEIGHTGATE_DEMO": "1"})


def test_a_person_tries_again_until_it_fits(tmp_path):
    """They are asked only for what nobody has said."""
    person = Person(["a b", "ada"], ["short", "short", "one thing", "another", *["a good few"] * 2])
    printed = command.run(
        OPTIONS
        | GOOD
        | {"base_url": "http://127.0.0.1:8000", "operator": None}
        | {"env_file": str(tmp_path / "some.env"), "var": str(tmp_path / "var")},
        {},
        person,
    )
    assert "Made the operator ada." in printed
    assert any("8 characters" in text for text in person.heard)
    assert any("the same" in text for text in person.heard)
    assert User.objects.get().check_password("a good few")


class Person:
    """Somebody at a terminal, who types what was prepared, or presses Enter."""

    def __init__(self, answers: list[str], secrets: list[str]) -> None:
        self.answers, self.secrets = answers, secrets
        self.heard: list[str] = []

    def ask(self, prompt: str, default: str) -> str:
        return default or self.answers.pop(0)

    def ask_secret(self, prompt: str) -> str:
        return self.secrets.pop(0)

    def say(self, text: str) -> None:
        self.heard.append(text)


def test_a_file_is_completed_and_never_changed(tmp_path):
    file = tmp_path / "some.env"
    file.write_text("# ours\nWEIGHTGATE_SITE_NAME='Our gate'\nWEIGHTGATE_STORAGE=s3")
    file.chmod(0o640)
    printed = set_up(tmp_path, site_name="Another")
    text = file.read_text()
    assert text.startswith("# ours\nWEIGHTGATE_SITE_NAME='Our gate'\nWEIGHTGATE_STORAGE=s3\n")
    assert text.count("WEIGHTGATE_SITE_NAME") == 1
    assert "WEIGHTGATE_ALLOWED_HOSTS=weights.example.org,127.0.0.1,localhost\n" in text
    assert "WEIGHTGATE_MAIL=smtp\n" in text
    assert "WEIGHTGATE_SITE_NAME stays" in printed
    assert file.stat().st_mode & 0o777 == 0o640


def test_an_environment_with_the_secret_key_is_not_written_down(tmp_path):
    environ = {"WEIGHTGATE_SECRET_KEY": "k" * 60, "WEIGHTGATE_SMTP_HOST": "mail.example.org"}
    set_up(tmp_path, environ=environ)
    text = (tmp_path / "some.env").read_text()
    assert "WEIGHTGATE_SECRET_KEY" not in text
    assert "WEIGHTGATE_SMTP_HOST" not in text
    with pytest.raises(Unanswered, match="WEIGHTGATE_BASE_URL"):
        set_up(tmp_path, environ={"WEIGHTGATE_SECRET_KEY": "k" * 60}, env_file="")


def test_another_namespace_and_publisher_are_made_when_they_are_named(tmp_path):
    make_lab("first")
    publisher = make_user("pia")
    printed = set_up(tmp_path, namespace="second", publisher="pia", operator=None)
    assert "Made the namespace second." in printed
    assert "Already there: the namespace first." in printed
    assert Namespace.objects.publishable_by(publisher).get().name == "second"
    assert "Nothing was changed." in set_up(tmp_path, namespace="second", publisher="pia")


def test_nobody_is_made_an_operator_beside_another(tmp_path):
    make_lab("first")
    printed = set_up(tmp_path, namespace=None)
    assert "ada was not made an operator" in printed
    assert not User.objects.filter(username="ada").exists()


def test_an_operator_of_an_earlier_version_is_completed(tmp_path):
    """It had neither a namespace nor a proved address, so that its tokens opened nothing."""
    ada = User(username="ada", email="ada@example.org", name="Ada", is_superuser=True)
    ada.set_password("x")
    ada.save()
    printed = set_up(tmp_path)
    ada.refresh_from_db()
    assert "Made the proof of ada@example.org." in printed
    assert ada.has_verified_email
    assert ada.proved_at
    assert ada.namespace.name == "ada"


def test_a_database_that_is_away_is_named(tmp_path, settings, monkeypatch):
    settings.REDIS_URL = "redis://localhost:1/0"
    with pytest.raises(Unanswered, match="Redis can’t be reached at REDIS_URL"):
        set_up(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_is_no_operator_does_not_become_one(tmp_path):
    create_user(username="ada", email="a@b.example", name="A", password="x", now=LONG_AGO)
    with pytest.raises(Unanswered, match="is taken here"):
        set_up(tmp_path)


def test_a_dry_run_says_what_it_would_make(tmp_path):
    printed = json.loads(set_up(tmp_path, dry_run=True, json=True))
    assert "the operator ada" in printed["would_make"]
    assert "the namespace example-lab" in printed["would_make"]
    assert "Then you would start these" in set_up(tmp_path, dry_run=True)
    assert not User.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_and_wrong_people_are_named_in_one_round(tmp_path):
    wrong = {"email": "nobody", "namespace": "a--b", "name": "two\nlines", "operator": "-"}
    with pytest.raises(Unanswered) as refusal:
        set_up(tmp_path, base_url="weights.example.org", **wrong)
    for flag in ("--base-url", "--email", "--namespace", "--name ", "--operator"):
        assert any(fault.startswith(flag) for fault in refusal.value.faults), flag


ALL_THAT_IS_NEEDED = [
    *("--base-url", "--mail-from", "--smtp-host", "--database-url", "--redis-url"),
    *("--operator", "--email", "--name ", "--namespace", "--password-stdin"),
]


def test_all_that_is_missing_is_named_at_once(tmp_path):
    nothing = dict.fromkeys(GOOD)
    with pytest.raises(Unanswered) as refusal:
        set_up(tmp_path, environ={"WEIGHTGATE_SETUP_PASSWORD": ""}, **nothing)
    assert len(refusal.value.faults) == len(ALL_THAT_IS_NEEDED)
    for flag in ALL_THAT_IS_NEEDED:
        assert any(flag in fault for fault in refusal.value.faults), flag


def test_servers_that_are_away_hide_no_missing_answer(tmp_path, settings):
    settings.REDIS_URL = "redis://localhost:1/0"
    with pytest.raises(Unanswered) as refusal:
        set_up(tmp_path, operator=None, environ={"WEIGHTGATE_SETUP_PASSWORD": ""})
    for words in ("REDIS_URL", "--operator", "--password-stdin"):
        assert any(words in fault for fault in refusal.value.faults), words


def test_an_installation_that_is_there_keeps_the_usual_mail_server(tmp_path):
    (tmp_path / "some.env").write_text(f"WEIGHTGATE_SECRET_KEY={'k' * 60}\n")
    set_up(tmp_path, smtp_host=None)
    assert "WEIGHTGATE_SMTP_HOST=localhost\n" in (tmp_path / "some.env").read_text()


def test_a_title_for_a_lab_that_is_there_is_said_to_change_nothing(tmp_path):
    make_lab("first")
    printed = set_up(tmp_path, namespace="first", title="Another Title")
    assert "first is there already, and keeps the title that it has." in printed
    assert Namespace.objects.get(name="first").title == "Example Lab"
