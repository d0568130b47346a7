"""A restore brings a whole state back, and no access that was ended since."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import psycopg
import pyrage
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client

from portal.access.holds.suspension import resume_access
from portal.access.models import AccessSuspension, Grant, Hold
from portal.access.policy.policy import Action, may
from portal.accounts.models import AccessToken, User
from portal.accounts.services import revoke_token
from portal.accounts.services.holding import reset_password
from portal.audit.checking import verify_chain
from portal.audit.events import EventType
from portal.audit.models import AuditEvent
from portal.audit.services import record
from portal.backup.errors import BackupFailed
from portal.backup.management.commands.restore import report
from portal.catalog.models import Blob
from portal.catalog.services.repos import remove_team_member
from tests.factories.accounts import PASSWORD, make_token, make_user
from tests.factories.catalog import make_reviewer
from tests.factories.grants import make_hold
from tests.portal.backup.keys import write_key
from tests.portal.backup.site import DAY, Site, databases, drop
from tests.upgrades.restoring import manage, new_database, url_of

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")


@pytest.fixture
def site(settings, tmp_path):
    settings.ENDINGS_LOG = str(tmp_path / "endings")
    return Site(tmp_path)


class TestARoundTrip:
    def test_every_row_comes_back_and_the_record_goes_on(self, site):
        made = site.back_up()
        before = databases()
        make_user("newcomer")
        site.copy()
        restored = site.restore(made)
        assert not User.objects.filter(username="newcomer").exists()
        assert Grant.objects.count() == made.manifest.counts["access.grant"]
        assert verify_chain().fault is None
        event = AuditEvent.objects.get(type="backup.restored")
        assert event.data["head"] == list(made.manifest.head)
        assert restored.applied.suspended == ""
        assert databases() == before

    def test_access_that_nobody_ended_goes_on(self, site):
        made = site.back_up()
        site.copy()
        assert site.download().status_code == 302
        site.restore(made)
        assert site.download().status_code == 302

    def test_whoever_was_signed_in_signs_in_again(self, site):
        client = Client()
        client.force_login(site.operator)
        made = site.back_up()
        site.restore(made)
        assert client.get("/inbox").status_code == 302

    def test_blobs_that_the_store_lacks_are_named(self, site):
        Blob.objects.create(sha256="ab" * 32, size_bytes=7, git_sha1="cd" * 20)
        assert site.restore(site.back_up()).missing_blobs.first == ["ab" * 32]

    def test_a_key_that_is_another_now_is_named(self, site, settings, tmp_path):
        settings.SIGNING_KEY_FILE = tmp_path / "key.pem"
        settings.SIGNING_KEY_FILE.write_bytes(b"first")
        made = site.back_up()
        settings.SIGNING_KEY_FILE.write_bytes(b"second")
        assert "signing-key.pem" in site.restore(made).keys_to_put_back


class TestTheRightsOfOtherRoles:
    """The rights that docs/install.md gives to the role of each host."""

    @pytest.fixture
    def role(self):
        name = f"web_{WORKER}"
        with psycopg.connect(url_of("postgres"), autocommit=True) as server:
            server.execute(f"CREATE ROLE {name} LOGIN")
        with connection.cursor() as cursor:
            cursor.execute(
                f"GRANT USAGE ON SCHEMA public TO {name};"
                f"GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO {name};"
                f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {name}"
            )
        yield name
        self.drop(name)

    def drop(self, role):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone():
                cursor.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")

    def may(self, role, privilege, table):
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [role, table, privilege])
            return cursor.fetchone()[0]

    def test_they_come_back_for_tables_of_now_and_of_later(self, site, role):
        restored = site.restore(site.back_up())
        assert restored.rights_left.statements == []
        assert self.may(role, "UPDATE", "access_grant")
        assert not self.may(role, "DELETE", "access_grant")
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE made_later (id int)")
            assert self.may(role, "SELECT", "made_later")
            cursor.execute("DROP TABLE made_later")

    def test_a_role_that_is_not_on_the_server_is_named_with_what_to_run(self, site, role):
        made = site.back_up()
        self.drop(role)
        restored = site.restore(made)
        said = "\n".join(report(restored))
        assert f"Not on this server: {role}." in said
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {role}")
            cursor.execute("".join(restored.rights_left.statements))
        assert self.may(role, "UPDATE", "access_grant")


class TestWhatWasEndedSince:
    def test_a_revoked_grant_opens_nothing(self, site):
        made = site.back_up()
        site.revoke()
        site.copy()
        restored = site.restore(made)
        assert [line.split(" (")[0] for line in restored.applied.repeated] == [
            f"grant.revoked of access.grant {site.grant.pk}"
        ]
        assert restored.applied.suspended == ""
        refused = site.download()
        assert (refused.status_code, refused["X-Error-Code"]) == (403, "GatedRepo")
        repeated = AuditEvent.objects.get(type="backup.ending_repeated")
        assert repeated.data["type"] == "grant.revoked"

    def test_a_revoked_token_is_unknown(self, site):
        made = site.back_up()
        revoke_token(owner=site.grant.person, token_id=site.token.pk, now=site.later)
        site.copy()
        site.restore(made)
        assert site.download().status_code == 401

    def test_a_token_made_since_is_unknown(self, site):
        made = site.back_up()
        _, secret = make_token(site.grant.person, now=site.now)
        site.copy()
        site.restore(made)
        assert site.download(secret).status_code == 401

    def test_a_hold_binds_again(self, site):
        made = site.back_up()
        make_hold(site.grant.person, site.repo, now=site.later)
        site.copy()
        site.restore(made)
        assert Hold.objects.standing().filter(person=site.grant.person).exists()
        assert site.download().status_code == 403

    def test_an_old_password_opens_nothing(self, site):
        made = site.back_up()
        reset_password(person=site.grant.person, password="another, safer one", now=site.later)
        site.copy()
        site.restore(made)
        person = User.objects.get(pk=site.grant.person_id)
        assert not person.check_password(PASSWORD)

    def test_a_reviewer_who_left_is_none(self, site):
        reviewer = make_reviewer(site.repo)
        made = site.back_up()
        remove_team_member(
            actor=site.administrator, repo_id=site.repo.pk, user=reviewer, now=site.later
        )
        site.copy()
        site.restore(made)
        reviewer = User.objects.get(pk=reviewer.pk)
        assert not may(reviewer, Action.REVIEW, site.repo, site.later).allowed

    def test_what_was_made_after_the_backup_needs_no_end(self, site):
        made = site.back_up()
        token, _ = make_token(site.grant.person, now=site.now)
        revoke_token(owner=site.grant.person, token_id=token.pk, now=site.later)
        site.copy()
        restored = site.restore(made)
        assert (restored.applied.repeated, restored.applied.already) == ([], 1)

    def test_the_next_backup_knows_what_was_repeated(self, site):
        first = site.back_up()
        site.revoke()
        site.copy()
        site.restore(first)
        site.copy()
        site.now += DAY
        second = site.back_up()
        assert site.restore(second).applied.repeated == []
        assert site.download().status_code == 403


class TestWhereTheLogDoesNotTell:
    def suspended(self, site, made, reason, *, minutes=5):
        restored = site.restore(made, minutes=minutes)
        assert reason in restored.applied.suspended
        suspension = AccessSuspension.objects.standing().get()
        assert reason in suspension.reason
        return restored

    def test_without_a_log_all_access_waits_for_an_operator(self, site, settings):
        made = site.back_up()
        site.revoke()
        settings.ENDINGS_LOG = ""
        self.suspended(site, made, "no log of endings is configured")
        person = User.objects.get(pk=site.grant.person_id)
        at = site.now + timedelta(minutes=6)
        assert not may(person, Action.DOWNLOAD, site.repo, at).allowed
        administrator = User.objects.get(pk=site.administrator.pk)
        assert not may(administrator, Action.DOWNLOAD, site.repo, at).allowed
        resume_access(reason="Compared with the mail that we sent.", now=at)
        assert may(administrator, Action.DOWNLOAD, site.repo, at).allowed

    def test_then_no_token_or_password_of_before_opens_anything(self, site, settings):
        made = site.back_up()
        settings.ENDINGS_LOG = ""
        self.suspended(site, made, "no log")
        resume_access(reason="Looked.", now=site.later)
        assert site.download().status_code == 401
        assert not AccessToken.objects.filter(revoked_at=None).exists()
        assert not User.objects.get(pk=site.operator.pk).check_password(PASSWORD)

    def test_a_log_that_ends_before_the_backup(self, site, settings):
        site.copy()
        settings.ENDINGS_LOG, log = "", settings.ENDINGS_LOG
        site.now += DAY
        made = site.back_up()
        settings.ENDINGS_LOG = log
        self.suspended(site, made, "ends before the backup")

    def test_a_log_that_is_not_there(self, site, settings):
        made = site.back_up()
        Path(settings.ENDINGS_LOG).unlink()
        self.suspended(site, made, f"there is no log of endings at {settings.ENDINGS_LOG}")

    def test_a_log_that_has_stopped_since(self, site):
        made = site.back_up()
        self.suspended(site, made, "the log of endings ends on", minutes=3 * 24 * 60)

    def test_a_log_that_cannot_be_read(self, site, settings, tmp_path):
        made = site.back_up()
        settings.ENDINGS_LOG = str(tmp_path)
        self.suspended(site, made, "can’t be read")

    def test_of_a_log_that_was_cut_within_the_rest_is_repeated(self, site, settings):
        made = site.back_up()
        site.revoke()
        site.copy()
        site.copy()
        site.copy()
        path = Path(settings.ENDINGS_LOG)
        lines = path.read_text().splitlines()
        del lines[-2]
        path.write_text("\n".join(lines) + "\n")
        restored = self.suspended(site, made, "broken after line")
        assert len(restored.applied.repeated) == 1

    def test_what_cannot_be_repeated_is_left_to_a_person(self, site):
        made = site.back_up()
        with transaction.atomic():
            record(
                EventType.BRANCH_SQUASHED,
                actor=site.operator,
                target=site.revision,
                at=site.later,
                repo=site.repo.full_name,
            )
        site.copy()
        restored = self.suspended(site, made, "repeat by hand")
        assert site.repo.full_name in restored.applied.failed[0]
        assert AccessToken.objects.filter(revoked_at=None).exists()


class TestNothingIsChanged:
    """The database stays as it is, whatever fault a backup has."""

    @pytest.fixture(autouse=True)
    def _same_databases(self, site):
        self.made = site.back_up()
        self.path = site.place.folder / self.made.name
        self.content = self.path.read_bytes()
        before = databases()
        yield
        assert databases() == before
        assert User.objects.filter(username="operator").exists()
        assert not AuditEvent.objects.filter(type="backup.restored").exists()

    def refused(self, site, match, **changed):
        with pytest.raises(BackupFailed, match=match):
            site.restore(self.made, **changed)

    def test_another_key(self, site):
        other = pyrage.x25519.Identity.generate()
        self.refused(site, "This key doesn’t open", identities=[other])

    def test_no_key(self, site):
        self.refused(site, "--identity", identities=[])

    @pytest.mark.parametrize("part", [0.001, 0.3, 0.99999])
    def test_a_file_that_was_cut(self, site, part):
        self.path.write_bytes(self.content[: int(len(self.content) * part)])
        self.refused(site, "cut short")

    @pytest.mark.parametrize("part", [0.5, 0.999])
    def test_a_file_that_was_altered(self, site, part):
        altered = bytearray(self.content)
        altered[int(len(altered) * part)] ^= 1
        self.path.write_bytes(altered)
        self.refused(site, "altered")

    def test_one_in_the_clear_that_was_altered_or_cut(self, site):
        site.now += DAY
        made = site.back_up(recipients=[], unencrypted=True)
        path = site.place.folder / made.name
        content = bytearray(path.read_bytes())
        self.made = made
        path.write_bytes(content[: len(content) // 2])
        self.refused(site, "cut short|can’t be read")
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        self.refused(site, "altered")

    def test_what_is_no_backup(self, site):
        self.path.write_bytes(b"something else")
        self.refused(site, "can’t be read|cut short")

    def test_a_database_that_is_not_empty(self, site):
        self.refused(site, "isn’t empty", replace=False)

    def test_a_portal_that_runs(self, site):
        with psycopg.connect(url_of(connection.settings_dict["NAME"])):
            self.refused(site, "Stop the portal")


class TestTheCommand:
    def test_it_asks_for_the_name_of_what_it_replaces(self, site, monkeypatch, tmp_path):
        made = site.back_up()
        monkeypatch.setattr("builtins.input", lambda prompt: "yes")
        key = write_key(tmp_path)
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command(
                "restore", str(site.place.folder / made.name), "--identity", key, "--replace"
            )

    @pytest.mark.parametrize("stop", [EOFError, KeyboardInterrupt])
    def test_one_that_is_stopped_says_so(self, site, monkeypatch, tmp_path, stop):
        def no_answer(prompt):
            raise stop

        made = site.back_up()
        monkeypatch.setattr("builtins.input", no_answer)
        key = write_key(tmp_path)
        with pytest.raises(CommandError, match=r"Stopped\. Nothing was changed"):
            call_command(
                "restore", str(site.place.folder / made.name), "--identity", key, "--replace"
            )

    def test_it_says_what_it_did(self, site, settings, capsys, tmp_path):
        made = site.back_up()
        settings.ENDINGS_LOG = ""
        source = str(site.place.folder / made.name)
        key = write_key(tmp_path)
        call_command("restore", source, "--identity", key, "--replace", "--no-input")
        said = capsys.readouterr().out
        assert "ALL ACCESS IS SUSPENDED" in said
        kept = next(name for name in databases() if "_before_" in name)
        assert kept in said
        drop(kept)
        call_command("resume_access", "--reason", "Looked at every grant.")
        assert "Lifted" in capsys.readouterr().out

    def test_keys_and_settings_are_written_for_the_owner_alone(self, site, tmp_path):
        made = site.back_up()
        source, key = str(site.place.folder / made.name), write_key(tmp_path)
        call_command("restore", source, "--identity", key, "--files-to", tmp_path / "files")
        written = tmp_path / "files" / "settings.env"
        assert "WEIGHTGATE_SECRET_KEY" in written.read_text()
        assert written.stat().st_mode & 0o777 == 0o600

    def test_on_a_new_machine_by_its_own_process(self, site, settings, monkeypatch, tmp_path):
        made = site.back_up()
        site.revoke()
        site.copy()
        monkeypatch.setenv("WEIGHTGATE_DB_POOL", "4")  # as an installation has it
        monkeypatch.setenv("WEIGHTGATE_ENDINGS_LOG", settings.ENDINGS_LOG)
        source, key = str(site.place.folder / made.name), str(write_key(tmp_path))
        with new_database(f"new_machine_{WORKER}") as url:
            restored = manage(url, "restore", source, "--identity", key)
            assert restored.returncode == 0, restored.stderr
            assert f"grant.revoked of access.grant {site.grant.pk}" in restored.stdout
            verified = manage(url, "verify_audit")
            assert "unbroken" in verified.stdout, verified.stderr
            again = manage(url, "restore", source, "--identity", key)
            assert again.returncode == 1
            assert "isn’t empty" in again.stderr
