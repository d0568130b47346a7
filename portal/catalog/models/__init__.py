"""Repos, their immutable revisions, and the licences that they stand under."""

from portal.catalog.models.blobs import Blob, PickleScan, StorageFinding
from portal.catalog.models.checks import LoadTrial, PendingRef, RevisionCheck
from portal.catalog.models.collections import Collection, CollectionMember
from portal.catalog.models.licences import Licence, LicenceVersion
from portal.catalog.models.logbook import LogbookEntry
from portal.catalog.models.repos import (
    EngineName,
    FormerName,
    Gate,
    Mode,
    ModelRepo,
    NamespaceSeat,
    TeamMember,
    ToolParser,
)
from portal.catalog.models.revisions import (
    OPEN_PATHS,
    File,
    ManifestKey,
    Ref,
    Revision,
    RevisionSignature,
)
from portal.catalog.models.rights import HostingRight

__all__ = [
    "OPEN_PATHS",
    "Blob",
    "Collection",
    "CollectionMember",
    "EngineName",
    "File",
    "FormerName",
    "Gate",
    "HostingRight",
    "Licence",
    "LicenceVersion",
    "LoadTrial",
    "LogbookEntry",
    "ManifestKey",
    "Mode",
    "ModelRepo",
    "NamespaceSeat",
    "PendingRef",
    "PickleScan",
    "Ref",
    "Revision",
    "RevisionCheck",
    "RevisionSignature",
    "StorageFinding",
    "TeamMember",
    "ToolParser",
]
