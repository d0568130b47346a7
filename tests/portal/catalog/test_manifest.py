"""The signed manifest: made with every revision, and verified by OpenSSF's own program."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from portal.audit.models import AuditEvent
from portal.catalog.errors import NoManifestKey
from portal.catalog.manifests import manifest
from portal.catalog.manifests.key import fingerprint, manifest_key, public_pem
from portal.catalog.models import Blob, ManifestKey, Revision, RevisionSignature
from portal.catalog.services.companion_files import store_bytes
from portal.catalog.services.lookup import find_file
from portal.catalog.services.revisions import release_revision
from portal.storage import blob_store
from tests.factories.accounts import make_user
from tests.factories.catalog import make_folder, make_repo, make_revision

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_key(settings, tmp_path):
    settings.MANIFEST_KEY_FILE = settings.MANIFEST_KEY_MADE_AT = tmp_path / "key" / "key.pem"


def downloaded(revision: Revision, folder: Path) -> Path:
    """Write a revision to a folder, as ``hf download --local-dir`` leaves it."""
    for file in revision.files.all():
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(blob_store().open(file.blob_id).read())
    (folder / ".cache" / "huggingface").mkdir(parents=True)
    (folder / ".cache" / "huggingface" / "model.lock").touch()
    return folder


def model_signing(folder: Path, key: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("model_signing")
    options = ["--signature", str(folder / "model.sig"), "--public_key", str(key)]
    return subprocess.run(
        [program, "verify", "key", *options, str(folder)], capture_output=True, text=True
    )


@pytest.fixture
def release(tmp_path):
    """Make a revision, as downloaded, with the public key beside it."""
    folder = make_folder(tmp_path / "in", **{"configs/a.json": "{}", "a b/ü.txt": "x"})
    revision = make_revision(make_repo("opt"), folder)
    key = tmp_path / "manifest-key.pem"
    key.write_text(revision.signature.key.public_pem)
    return revision, downloaded(revision, tmp_path / "out"), key


def test_the_other_program_verifies_it_offline(release):
    _, folder, key = release
    done = model_signing(folder, key)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("change", ["flipped", "gone", "extra", "resigned"])
def test_the_other_program_finds_what_was_changed(release, tmp_path, change):
    _, folder, key = release
    shard = folder / "model-00001-of-00002.safetensors"
    if change == "flipped":
        content = bytearray(shard.read_bytes())
        content[-1] ^= 1
        shard.write_bytes(content)
    elif change == "gone":
        shard.unlink()
    elif change == "extra":
        (folder / "extra.json").write_text("{}")
    else:
        other_key = ec.generate_private_key(ec.SECP256R1())
        files = {path.name: "0" * 64 for path in folder.iterdir()}
        bundle = manifest.sign(manifest.RevisionManifest("opt", files, {}), other_key)
        (folder / "model.sig").write_bytes(bundle)
    assert model_signing(folder, key).returncode != 0


def test_it_names_every_file_and_the_licence(release):
    revision, folder, _ = release
    statement = manifest.verify((folder / "model.sig").read_bytes(), manifest_key().public_key())
    signed = {
        resource["name"]: resource["digest"] for resource in statement["predicate"]["resources"]
    }
    others = revision.files.exclude(path="model.sig")
    assert signed == dict(others.values_list("path", "blob_id"))
    assert statement["subject"][0]["name"] == revision.repo.full_name
    version = revision.repo.licence.versions.get()
    licence = statement["predicate"]["licence"]
    assert licence["sha256"] == version.sha256
    assert licence["attribution"] == version.attribution


def test_a_changed_statement_is_not_verified(release):
    _, folder, _ = release
    bundle = json.loads((folder / "model.sig").read_text())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"opt", b"0pt")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    for broken in (json.dumps(bundle).encode(), b"{", b"[]", b'{"dsseEnvelope": {}}'):
        with pytest.raises(manifest.BadSignature):
            manifest.verify(broken, manifest_key().public_key())


def test_it_is_read_before_the_gate_and_told_in_the_record(release):
    revision, _, _ = release
    file = find_file(revision, "model.sig")
    assert file.is_open
    assert file.blob == revision.signature.blob
    event = AuditEvent.objects.get(type="revision.published")
    assert event.data["signature"] == file.blob_id
    assert event.data["key"] == revision.signature.key_id


def test_the_same_files_are_not_signed_again(release, tmp_path):
    revision, _, _ = release
    blobs = Blob.objects.count()
    assert make_revision(revision.repo, tmp_path / "in", title="Again") == revision
    assert Blob.objects.count() == blobs
    assert len(list(blob_store().stored())) == blobs


def test_sums_and_signature_that_lie_in_the_folder_are_made_anew(tmp_path):
    folder = make_folder(tmp_path / "in", **{"model.sig": "{}", "SHA256SUMS": "none"})
    revision = make_revision(make_repo(), folder)
    for name in ("model.sig", "SHA256SUMS"):
        stored = blob_store().open(find_file(revision, name).blob_id).read()
        assert stored != (folder / name).read_bytes()


def released(repo, now, *paths):
    contents = [store_bytes(path, path.encode()) for path in paths]
    return release_revision(
        actor=make_user(superuser=True),
        repo_id=repo.pk,
        contents=contents,
        title="As it is",
        now=now,
    )


def test_contents_without_checksums_stay_as_they_are(now):
    """A repo begins with a file or two, which are no release."""
    revision = released(make_repo(), now, ".gitattributes")
    assert [file.path for file in revision.files.all()] == [".gitattributes"]
    assert not RevisionSignature.objects.exists()


def test_contents_with_checksums_get_their_own_anew(now):
    repo = make_repo()
    first = released(repo, now, "a.json", "SHA256SUMS", "model.sig")
    assert first.signature.blob == find_file(first, "model.sig").blob
    sums = blob_store().open(find_file(first, "SHA256SUMS").blob_id).read().decode()
    assert sums == f"{find_file(first, 'a.json').blob_id}  a.json\n"
    assert released(repo, now, "a.json", "SHA256SUMS") == first


def test_the_key_is_made_once_and_for_nobody_else(settings):
    first = public_pem(manifest_key().public_key())
    assert public_pem(manifest_key().public_key()) == first
    assert settings.MANIFEST_KEY_FILE.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in settings.MANIFEST_KEY_FILE.parent.iterdir()] == ["key.pem"]


@pytest.mark.parametrize("key", [None, "nonsense", "rsa", "secp256k1"])
def test_without_a_fit_key_nothing_is_published(settings, tmp_path, key):
    settings.MANIFEST_KEY_FILE = tmp_path / "other.pem"
    if key == "nonsense":
        settings.MANIFEST_KEY_FILE.write_text("nonsense")
    elif key:
        made = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048)
            if key == "rsa"
            else ec.generate_private_key(ec.SECP256K1())
        )
        write_key(settings.MANIFEST_KEY_FILE, made)
    with pytest.raises(NoManifestKey):
        make_revision(make_repo(), tmp_path / "in")
    assert not Revision.objects.exists()


def write_key(file: Path, key) -> None:
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_another_key_of_ones_own_signs_too(settings, tmp_path, curve):
    """And the one before stays known, since it signed what came before."""
    before = make_revision(make_repo(), tmp_path / "in").signature.key
    settings.MANIFEST_KEY_FILE = tmp_path / "own.pem"
    own = ec.generate_private_key(curve)
    write_key(settings.MANIFEST_KEY_FILE, own)
    revision = make_revision(make_repo(), tmp_path / "in")
    assert revision.signature.key_id == fingerprint(own.public_key())
    assert set(ManifestKey.objects.all()) == {before, revision.signature.key}
    key = tmp_path / "key.pem"
    key.write_text(revision.signature.key.public_pem)
    assert model_signing(downloaded(revision, tmp_path / "out"), key).returncode == 0
