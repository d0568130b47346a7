"""A backup is one encrypted stream, whole or not there, with what a restore needs."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import tracemalloc
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest
from django.core.management import CommandError, call_command

from portal.access.grants.ending.revocation import revoke_grant
from portal.audit.models import AuditEvent
from portal.backup.endings.lines import read_lines
from portal.backup.endings.logs import endings_log
from portal.backup.errors import BackupFailed
from portal.backup.making.backup import make_backup
from portal.backup.places import place_at, source_at
from portal.backup.restoring.source import BackupSource, verify_source
from portal.backup.stream.archive import Packing, PiecesReader, unpacked
from portal.backup.stream.encryption import encrypt, identities_in, opened_stream
from portal.catalog.models import Blob
from portal.embedded.postgres import installed
from tests.buckets import BUCKET, COMMANDS, make_s3_store
from tests.factories.grants import make_accepted, make_administrator
from tests.portal.backup.keys import KEY, write_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def key_file(tmp_path):
    return write_key(tmp_path)


def backup(folder, now, **changed):
    options = {"recipients": [str(KEY.to_public())]} | changed
    return make_backup(place_at(str(folder)), now=now, **options)


def parts_of(content: bytes) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    for name, piece in unpacked(io.BytesIO(content)):
        parts[name] = parts.get(name, b"") + piece
    return parts


def decrypted(path) -> bytes:
    return pyrage.decrypt(path.read_bytes(), [KEY])


class TestWhatIsInIt:
    def test_its_manifest_says_of_which_moment_it_is(self, tmp_path, now):
        make_accepted(now=now)
        made = backup(tmp_path, now)
        manifest = json.loads(parts_of(decrypted(tmp_path / made.name))["manifest"])
        head = AuditEvent.objects.exclude(type="backup.made").last()
        assert manifest["head"] == [head.sequence, head.hash]
        assert manifest["counts"]["access.grant"] == 1
        assert "audit.0002_endings_are_copied" in manifest["migrations"]

    def test_the_usual_tools_read_it(self, tmp_path, now):
        make_accepted(now=now)
        made = backup(tmp_path, now)
        with tarfile.open(fileobj=io.BytesIO(decrypted(tmp_path / made.name))) as archive:
            pieces = [name for name in archive.getnames() if name.startswith("database/")]
            dump = b"".join(archive.extractfile(name).read() for name in pieces)
        listed = subprocess.run(
            [installed() / "bin/pg_restore", "--list"], input=dump, capture_output=True, check=True
        )
        assert b"TABLE DATA public access_grant" in listed.stdout

    def test_it_has_keys_and_settings_and_the_list_of_blobs(self, settings, tmp_path, now):
        settings.SIGNING_KEY_FILE = tmp_path / "key.pem"
        settings.SIGNING_KEY_FILE.write_bytes(b"a signing key")
        Blob.objects.create(sha256="ab" * 32, size_bytes=7, git_sha1="cd" * 20)
        made = backup(tmp_path, now)
        parts = parts_of(decrypted(tmp_path / made.name))
        assert parts["keys/signing-key.pem"] == b"a signing key"
        assert b"WEIGHTGATE_SECRET_KEY=only-for-tests" in parts["settings.env"]
        assert json.loads(parts["blobs"]) == {
            "sha256": "ab" * 32,
            "size_bytes": 7,
            "key": f"ab/ab/{'ab' * 32}",
        }

    def test_it_is_on_record(self, tmp_path, now):
        made = backup(tmp_path, now)
        event = AuditEvent.objects.get(type="backup.made")
        assert event.data["name"] == made.name

    def test_the_log_of_endings_reaches_as_far(self, settings, tmp_path, now):
        settings.ENDINGS_LOG = str(tmp_path / "endings")
        grant = make_accepted(now=now - timedelta(days=2))
        actor = make_administrator(grant.repo)
        revoke_grant(actor=actor, grant_id=grant.pk, reason="Shared.", now=now - timedelta(days=1))
        backup(tmp_path, now)
        ending, mark = read_lines(endings_log().texts(1))
        assert (ending.event.type, mark.event, mark.at) == ("grant.revoked", None, now)


class TestItsEncryption:
    def test_without_a_key_nothing_is_written(self, tmp_path, now):
        with pytest.raises(BackupFailed, match="--recipient"):
            backup(tmp_path / "to", now, recipients=[])
        assert not (tmp_path / "to").exists()

    def test_in_the_clear_only_when_told(self, tmp_path, now):
        made = backup(tmp_path, now, recipients=[], unencrypted=True)
        assert made.name.endswith(".tar")
        assert "database" in parts_of((tmp_path / made.name).read_bytes())

    def test_nothing_of_it_lies_in_the_clear_and_nobody_else_reads_it(self, tmp_path, now):
        made = backup(tmp_path, now)
        path = tmp_path / made.name
        assert b"WEIGHTGATE_SECRET_KEY" not in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600

    def test_what_is_no_key_is_named(self, tmp_path, now):
        with pytest.raises(BackupFailed, match="age1nonsense is no public key"):
            backup(tmp_path, now, recipients=["age1nonsense"])

    @pytest.mark.parametrize(
        "secret",
        [str(KEY), str(KEY).lower(), f" {KEY}"],
        ids=["as it is", "in lower case", "after a space"],
    )
    def test_a_secret_key_given_by_mistake_is_not_repeated(self, tmp_path, now, secret):
        with pytest.raises(BackupFailed, match="secret key") as refused:
            backup(tmp_path, now, recipients=[secret])
        with pytest.raises(BackupFailed, match="secret key itself") as unread:
            identities_in(Path(secret))
        for error in (refused, unread):
            assert secret.strip().upper()[15:] not in str(error.value).upper()

    def test_what_is_no_key_at_all_is_not_repeated(self, tmp_path, now):
        with pytest.raises(BackupFailed, match="The recipient is no public key"):
            backup(tmp_path, now, recipients=["four words of mine"])

    def test_a_key_file_may_have_a_passphrase(self, tmp_path):
        path = tmp_path / "key.age"
        path.write_bytes(pyrage.passphrase.encrypt(str(KEY).encode(), "four words of mine"))
        assert str(identities_in(path, "four words of mine")[0]) == str(KEY)
        with pytest.raises(BackupFailed, match="passphrase doesn’t open"):
            identities_in(path, "another")


class TestItsPlace:
    @pytest.mark.parametrize("make", COMMANDS)
    def test_a_bucket_gets_it_in_parts(self, make, s3_servers, settings, tmp_path, now):
        store = make_s3_store(s3_servers(make), settings)
        folder = f"s3://{BUCKET}/backups-{tmp_path.name}"
        made = backup(folder, now)
        assert place_at(folder).names() == [made.name]
        source = BackupSource(*source_at(f"{folder}/{made.name}"), [KEY])
        assert verify_source(source).manifest == made.manifest
        key = f"backups-{tmp_path.name}/{made.name}"
        body = store.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert "database" in parts_of(pyrage.decrypt(body, [KEY]))

    def test_what_fails_leaves_nothing(self, settings, monkeypatch, tmp_path, now):
        fails = tmp_path / "bin" / "pg_dump"
        fails.parent.mkdir()
        fails.write_text("#!/bin/sh\n[ $1 = --version ] && echo '(PostgreSQL) 99' || exit 3\n")
        fails.chmod(0o755)
        monkeypatch.setenv("PATH", str(fails.parent), prepend=":")
        with pytest.raises(BackupFailed, match="pg_dump failed"):
            backup(tmp_path / "to", now)
        assert list((tmp_path / "to").iterdir()) == []
        assert not AuditEvent.objects.filter(type="backup.made").exists()

    def test_a_dry_run_keeps_nothing(self, tmp_path, now):
        made = backup(tmp_path / "to", now, dry_run=True)
        assert made.size_bytes > 10_000
        assert not (tmp_path / "to").exists()
        assert not AuditEvent.objects.filter(type="backup.made").exists()

    def test_a_dry_run_tries_the_place(self, tmp_path, now):
        (tmp_path / "file").write_text("")
        with pytest.raises(BackupFailed, match="is no folder"):
            backup(tmp_path / "file" / "to", now, dry_run=True)


class TestTheCommand:
    def test_it_says_what_it_made(self, tmp_path, capsys):
        call_command("backup", str(tmp_path), "--recipient", str(KEY.to_public()))
        assert "Made weightgate-" in capsys.readouterr().out

    def test_a_refusal_is_an_exit_status(self, tmp_path):
        with pytest.raises(CommandError, match="There is no backup: "):
            call_command("backup", str(tmp_path))


class TestMemory:
    SIZE = 64 << 20

    def test_it_holds_a_few_pieces_however_long_the_stream(self, now, tmp_path):
        """Pack, encrypt, decrypt and unpack 64 MiB, and hold less than half of that at any time."""
        path = tmp_path / "stream"
        tracemalloc.start()
        try:
            packing = Packing(now)
            pieces = (bytes(1 << 20) for _ in range(self.SIZE >> 20))
            with path.open("wb") as file:
                stream = PiecesReader(piece for piece in whole(packing, pieces))
                encrypt(stream, file, [KEY.to_public()])
            sizes = Counter()
            with path.open("rb") as file, opened_stream(file, [KEY]) as stream:
                for name, piece in unpacked(stream):
                    sizes[name] += len(piece)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert sizes["database"] == self.SIZE
        assert peak < self.SIZE / 2


def whole(packing, pieces):
    yield from packing.part("database", pieces)
    yield from packing.end()
