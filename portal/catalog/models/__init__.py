"""Repos, their immutable revisions, and the licences that they stand under."""

from portal.catalog.models.blobs import Blob, StorageFinding
from portal.catalog.models.licences import Licence, LicenceVersion
from portal.catalog.models.logbook import LogbookEntry
from portal.catalog.models.repos import FormerName, Gate, Mode, ModelRepo, TeamMember
from portal.catalog.models.revisions import (
    OPEN_PATHS,
    File,
    ManifestKey,
    Ref,
    Revision,
    RevisionSignature,
)

__all__ = [
    "OPEN_PATHS",
    "Blob",
    "File",
    "FormerName",
    "Gate",
    "Licence",
    "LicenceVersion",
    "LogbookEntry",
    "ManifestKey",
    "Mode",
    "ModelRepo",
    "Ref",
    "Revision",
    "RevisionSignature",
    "StorageFinding",
    "TeamMember",
]
