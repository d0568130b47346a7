"""A licence's text is published once, under its sha256, and stays as it is."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from portal.audit.models import AuditEvent
from portal.catalog.errors import LicenceTaken, MayNotPublish
from portal.catalog.models import Licence, LicenceVersion
from portal.catalog.services.licences import publish_licence_version, version_in_force
from portal.catalog.services.repos import create_repo
from portal.demo.terms import TERMS as DEMO_TERMS
from portal.errors import FieldErrors
from tests.factories.access import make_grant
from tests.factories.accounts import LONG_AGO, make_lab, make_user
from tests.factories.catalog import TERMS, make_repo

pytestmark = pytest.mark.django_db
NOTICE = "Licensed under the Sample Licence, © Sample Lab."


@pytest.fixture
def operator():
    return make_user("operator", superuser=True)


@pytest.fixture
def publish(operator, now):
    def publish(**changed):
        arguments = {
            "actor": operator,
            "slug": "sample",
            "name": "Sample Licence",
            "version": "1.0",
            "text": "You may.\n",
            "attribution": NOTICE,
            "terms": TERMS,
            "now": now,
        }
        return publish_licence_version(**{**arguments, **changed})

    return publish


def test_it_stands_under_the_sha256_of_its_very_bytes(publish, operator, now):
    text = "Cafe\u0301 and Café\r\n\r\n  ends with blanks  \n\n"
    version = publish(text=text, kind="editorial")
    version.refresh_from_db()
    assert version.text == text
    assert version.sha256 == hashlib.sha256(text.encode()).hexdigest()
    event = AuditEvent.objects.get(type="licence.published")
    assert (event.actor, event.target_id) == (operator, str(version.pk))
    assert event.data["sha256"] == version.sha256
    assert event.data["kind"] == "editorial"
    assert version.effective_at == event.at == now


def test_the_same_again_changes_nothing(publish):
    assert publish() == publish()
    assert AuditEvent.objects.filter(type="licence.published").count() == 1


def test_a_version_and_a_text_are_taken_once(publish):
    publish()
    with pytest.raises(LicenceTaken, match="never changes"):
        publish(text="You may not.\n")
    with pytest.raises(LicenceTaken, match=r"as version 1\.0"):
        publish(version="1.1")
    assert LicenceVersion.objects.get().text == "You may.\n"


def test_one_that_comes_into_force_later_is_not_signed_today(publish, now):
    repo = make_repo(licence=publish(now=LONG_AGO).licence)
    later = publish(version="2.0", text="You might.\n", effective_at=now + timedelta(days=30))
    assert str(version_in_force(repo, now)) == "Sample Licence 1.0"
    assert version_in_force(repo, now + timedelta(days=30)) == later


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"slug": "a licence"}, "slug"),
        ({"version": ""}, "version"),
        ({"version": "1 0"}, "version"),
        ({"version": "1.txt"}, "version"),
        ({"text": " \n"}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"attribution": ""}, "attribution"),
        ({"attribution": "two\nlines"}, "attribution"),
        ({"kind": "small"}, "kind"),
        ({"effective_at": timedelta(seconds=-1)}, "effective_at"),
    ],
)
def test_what_is_wrong_is_named(publish, now, changed, field):
    if "effective_at" in changed:
        changed = {"effective_at": now + changed["effective_at"]}
    with pytest.raises(FieldErrors) as refused:
        publish(**changed)
    assert list(refused.value.errors) == [field]
    assert not Licence.objects.exists()


ONE = {"code": "one", "text": "One", "help": ""}


@pytest.mark.parametrize(
    "terms",
    [
        {"may": "everything"},
        {"secret": []},
        {"outputs": 3},
        {"attestations": [{"code": "one", "text": "One"}]},
        {"attestations": [{**ONE, "code": "One!"}]},
        {"attestations": [{**ONE, "text": " "}]},
        {"attestations": [ONE, {**ONE, "text": "Two"}]},
        {"attestations": [ONE, {**ONE, "code": "two"}]},
        {"attestations": [ONE], "prohibited": ["one", "war"]},
        {"attestations": [ONE], "prohibited": ["one", "one"]},
    ],
)
def test_terms_must_let_each_thing_be_acknowledged_singly(publish, terms):
    with pytest.raises(FieldErrors) as refused:
        publish(terms=terms)
    assert list(refused.value.errors) == ["terms"]


def test_the_demo_asks_for_each_prohibited_use_by_itself(publish):
    codes = [attestation["code"] for attestation in publish(terms=DEMO_TERMS).attestations]
    assert set(DEMO_TERMS["prohibited"]) == {
        "noncommercial",
        "no_production",
        "no_military",
        "no_surveillance",
        "no_biometrics",
        "rights_of_others",
        "lawful",
        "no_embargo",
        "high_risk",
    }
    assert set(DEMO_TERMS["prohibited"]) <= set(codes)


def test_the_publishers_of_its_namespace_publish_it_whoever_uses_it(publish):
    publisher = make_user()
    lab = make_lab(publisher=publisher)
    licence = publish(actor=publisher, namespace=lab.name, now=LONG_AGO).licence
    assert licence.namespace == lab
    make_repo(licence=licence)  # of another lab
    newer = publish(actor=publisher, version="1.1", text="You may indeed.\n")
    assert newer.version == "1.1"
    assert AuditEvent.objects.filter(type="licence.published").last().data["namespace"] == lab.name


def test_nobody_changes_anothers_licence_by_using_it(publish, now):
    licence = publish().licence
    stranger = make_user()
    own = make_lab(publisher=stranger)
    for _ in range(2):
        with pytest.raises(MayNotPublish):
            publish(actor=stranger, version="9", text="All is yours.\n")
        create_repo(actor=stranger, namespace=own.name, name=f"m{_}", now=now, licence=licence)


def test_a_new_licence_without_a_namespace_is_the_operators(publish):
    with pytest.raises(MayNotPublish, match="operates"):
        publish(actor=make_user())
    with pytest.raises(FieldErrors) as refused:
        publish(actor=make_user(), namespace="no-such-lab")
    assert list(refused.value.errors) == ["namespace"]
    assert not Licence.objects.exists()


def test_the_operator_gives_a_licence_to_a_lab_with_its_next_version(publish):
    publisher = make_user()
    lab, other = make_lab(publisher=publisher), make_lab(publisher=publisher)
    publish()
    with pytest.raises(MayNotPublish):
        publish(actor=publisher, version="1.1", text="Mine.\n", namespace=lab.name)
    publish(version="1.1", text="Theirs.\n", namespace=lab.name)
    assert Licence.objects.get().namespace == lab
    assert publish(actor=publisher, version="1.2", text="Ours.\n").version == "1.2"
    with pytest.raises(FieldErrors) as refused:
        publish(version="1.3", text="Whose?\n", namespace=other.name)
    assert list(refused.value.errors) == ["namespace"]


def test_nothing_changes_or_deletes_it(publish):
    version = publish()
    version.text = "Changed.\n"
    for act in (
        version.save,
        lambda: version.save(update_fields=["text"]),
        version.delete,
        lambda: LicenceVersion.objects.update(text="Changed.\n"),
        lambda: LicenceVersion.objects.filter(pk=version.pk).delete(),
        lambda: LicenceVersion.objects.bulk_update([version], ["text"]),
        lambda: version.licence.versions.all().delete(),
    ):
        with pytest.raises(TypeError, match="licence version"), transaction.atomic():
            act()
    assert LicenceVersion.objects.get().text == "You may.\n"


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path):
        file = tmp_path / "text.md"
        file.write_bytes(b"You may.\r\nBut not much.\n")
        return file

    def run(self, file, *options, version="1.0"):
        call_command(
            "publish_licence",
            str(file),
            "--licence=sample",
            f"--version={version}",
            "--as=operator",
            *options,
        )

    def test_it_publishes_the_bytes_of_a_file(self, operator, file, tmp_path, capsys):
        terms = tmp_path / "terms.json"
        terms.write_text(json.dumps(TERMS))
        self.run(file, f"--terms={terms}", f"--attribution={NOTICE}", "--name=Sample Licence")
        version = LicenceVersion.objects.get()
        assert version.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
        assert version.sha256 in capsys.readouterr().out
        file.write_text("You may indeed.\n")
        self.run(file, "--kind=editorial", version="1.1")
        assert LicenceVersion.objects.get(version="1.1").terms == version.terms

    def test_a_file_that_is_not_there_is_said_to_be(self, operator, tmp_path):
        with pytest.raises(CommandError, match=r"^There is no file /.*none\.md\. Check its path"):
            self.run(tmp_path / "none.md")

    def test_it_says_whom_the_version_meets(self, operator, publish, file, capsys):
        repo = make_repo(licence=publish(now=LONG_AGO).licence)
        make_grant(repo)
        self.run(file, "--dry-run", version="1.1")
        said = capsys.readouterr().out
        assert "1 model stands under this licence" in said
        assert "1 grant: the text that was signed governs" in said

    def test_a_dry_run_changes_nothing(self, operator, file, capsys):
        self.run(file, f"--attribution={NOTICE}", "--dry-run")
        assert "nothing changed" in capsys.readouterr().out
        assert not Licence.objects.exists()
        assert not AuditEvent.objects.filter(type="licence.published").exists()

    @pytest.mark.parametrize(
        "options", [(), ("--effective=tomorrow",), ("--effective=2026-13-01T00:00:00Z",)]
    )
    def test_what_is_wrong_is_told(self, operator, file, options):
        with pytest.raises(CommandError):
            self.run(file, *options, *([f"--attribution={NOTICE}"] if options else []))
        assert not Licence.objects.exists()
