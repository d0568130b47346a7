"""What goes along with every revision: the licence’s text, its notice, and checksums."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from portal.catalog.models import LicenceVersion, ModelRepo
from portal.catalog.services.licences import licence_files
from portal.catalog.services.publishing import SUMS_FILE, hash_file
from portal.catalog.services.revisions import Content
from portal.storage import blob_store


def with_notices(
    repo: ModelRepo, contents: dict[str, Content], now: datetime
) -> dict[str, Content]:
    """The same with LICENSE and NOTICE of the licence in force, and SHA256SUMS of it all.

    A lab's own LICENSE stays. One that came from an older version of the repo's licence gives way
    to the version in force.
    """
    complete = {path: each for path, each in contents.items() if path != SUMS_FILE}
    if not complete:
        return complete
    ours = _former_files(repo)
    for name, text in licence_files(repo, now).items():
        held = complete.get(name)
        if held is None or held.sha256 in ours:
            complete[name] = stored_text(name, text)
    sums = "".join(f"{complete[path].sha256}  {path}\n" for path in sorted(complete))
    complete[SUMS_FILE] = stored_text(SUMS_FILE, sums)
    return complete


def _former_files(repo: ModelRepo) -> set[str]:
    """sha256 of whatever this portal has put beside the repo's weights, or would have."""
    versions = LicenceVersion.objects.filter(licence=repo.licence).only("sha256", "attribution")
    texts = {version.sha256 for version in versions}
    return texts | {LicenceVersion.digest(f"{version.attribution}\n") for version in versions}


def stored_text(path: str, text: str) -> Content:
    """A short text, in the store."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "text")
        source.write_bytes(text.encode())
        hashed = hash_file(source, path)
        blob_store().put(source, hashed.sha256)
    return Content(hashed.path, hashed.sha256, hashed.git_sha1, hashed.size_bytes)
