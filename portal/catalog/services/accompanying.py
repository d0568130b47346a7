"""What goes along with every revision: the licence’s text and its notice."""

from __future__ import annotations

from datetime import datetime

from portal.catalog.contents import Content
from portal.catalog.models import LicenceVersion, ModelRepo
from portal.catalog.services.completing import GENERATED, store_bytes
from portal.catalog.services.licences import licence_files


def with_notices(
    repo: ModelRepo, contents: dict[str, Content], now: datetime
) -> dict[str, Content]:
    """The same with LICENSE and NOTICE of the licence in force.

    A lab's own LICENSE stays. One that came from an older version of the repo's licence gives way
    to the version in force.
    """
    if contents.keys() <= GENERATED:
        return {}
    ours = _former_files(repo)
    complete = dict(contents)
    for name, text in licence_files(repo, now).items():
        held = complete.get(name)
        if held is None or held.sha256 in ours:
            complete[name] = store_bytes(name, text.encode())
    return complete


def _former_files(repo: ModelRepo) -> set[str]:
    """sha256 of whatever this portal has put beside the repo's weights, or would have."""
    versions = LicenceVersion.objects.filter(licence=repo.licence).only("sha256", "attribution")
    texts = {version.sha256 for version in versions}
    return texts | {LicenceVersion.digest(f"{version.attribution}\n") for version in versions}
