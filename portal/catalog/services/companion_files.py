"""Add to a revision what goes along with it: licence, notice, checksums, signed manifest."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.catalog.contents import Content, git_blob_sha1
from portal.catalog.manifests import manifest
from portal.catalog.manifests.key import fingerprint, manifest_key, public_pem
from portal.catalog.manifests.manifest import SIGNATURE_FILE, RevisionManifest, is_signed
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.catalog.services.licences import licence_files, version_in_force
from portal.storage import blob_store

SUMS_FILE = "SHA256SUMS"
GENERATED = frozenset({SUMS_FILE, SIGNATURE_FILE})


@dataclass(frozen=True)
class Signed:
    """A revision's files, complete, and the signature over them."""

    contents: list[Content]
    signature: Content | None = None  # where there is nothing to sign
    key_fingerprint: str = ""
    public_key: str = ""


def brought(contents: Sequence[Content]) -> list[Content]:
    """Return the files that somebody uploaded, without those that are generated each time."""
    return [content for content in contents if content.path not in GENERATED]


def complete(repo: ModelRepo, contents: Sequence[Content], now: datetime) -> Signed:
    """Add the checksums of all files, and a signature over these too; both are stored.

    A revision of nothing but git's own files, with which a client begins a repo, stays as it is.
    """
    whole = sorted(brought(contents), key=lambda content: content.path)
    if not any(is_signed(content.path) for content in whole):
        return Signed(whole)
    sums = "".join(f"{content.sha256}  {content.path}\n" for content in whole)
    whole.append(store_bytes(SUMS_FILE, sums.encode()))
    key = manifest_key()
    files = {content.path: content.sha256 for content in whole}
    licence = _licence(version_in_force(repo, now))
    bundle = manifest.sign(RevisionManifest(repo.full_name, files, licence), key)
    signature = store_bytes(SIGNATURE_FILE, bundle)
    public = key.public_key()
    return Signed([*whole, signature], signature, fingerprint(public), public_pem(public).decode())


def _licence(version: LicenceVersion | None) -> dict[str, str]:
    if version is None:
        return {}
    return {
        "name": version.licence.name,
        "version": version.version,
        "sha256": version.sha256,
        "attribution": version.attribution,
    }


def store_bytes(path: str, content: bytes) -> Content:
    """Store a short file and return it as content."""
    sha256 = blob_store().add(io.BytesIO(content))
    return Content(path, sha256, git_blob_sha1(content), len(content))


def with_notices(
    repo: ModelRepo, contents: dict[str, Content], now: datetime
) -> dict[str, Content]:
    """Add LICENSE and NOTICE of the licence in force.

    A lab's own LICENSE stays. One that came from an older version of the repo's licence gives way
    to the version in force.
    """
    if contents.keys() <= GENERATED:
        return {}
    generated_sha256s = _former_files(repo)
    complete = dict(contents)
    for name, text in licence_files(repo, now).items():
        present = complete.get(name)
        if present is None or present.sha256 in generated_sha256s:
            complete[name] = store_bytes(name, text.encode())
    return complete


def _former_files(repo: ModelRepo) -> set[str]:
    """Return the sha256 of each text that the portal may have put beside the repo's weights."""
    versions = LicenceVersion.objects.filter(licence=repo.licence).only("sha256", "attribution")
    texts = {version.sha256 for version in versions}
    return texts | {LicenceVersion.digest(f"{version.attribution}\n") for version in versions}
