"""Tell which folders of an installation can't be written, before anything is made in them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from portal.errors import Invalid

KEYS = {
    "WEIGHTGATE_MANIFEST_KEY_FILE": "manifest/key.pem",
    "WEIGHTGATE_SIGNING_KEY_FILE": "signing/key.pem",
    "WEIGHTGATE_SIGNING_CERT_FILE": "signing/certificate.pem",
}


def require_writable(folder: Path) -> None:
    """Raise Invalid unless this account can write a folder, or make it.

    It is tried with a file that has no name, since rights alone don't tell of a read-only disk.
    """
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            pass
    except OSError as error:
        raise Invalid(
            f"{folder} can’t be written by this account ({error.strerror}). Choose another folder, "
            "or make it as root and give it to the account (`install -d -o ACCOUNT`)."
        ) from None


def folder_faults(env_path: Path | None, var: Path, settings: Mapping[str, str]) -> list[str]:
    """Name the settings whose folders can't be written; those within VAR where VAR itself can.

    ``env_path`` is the environment file where it is to be written.
    """
    places = {  # a key that is there is not made
        name: Path(settings.get(name) or var / usual).parent
        for name, usual in KEYS.items()
        if not os.path.exists(settings.get(name) or var / usual)
    }
    if settings.get("WEIGHTGATE_STORAGE") != "s3":
        places["WEIGHTGATE_BLOB_DIR"] = Path(settings.get("WEIGHTGATE_BLOB_DIR") or var / "blobs")
    if env_path is not None:
        places["--env-file or WEIGHTGATE_ENV_FILE"] = env_path.parent
    is_var_open = not _fault(var)
    return [
        f"{name}: {fault}"
        for name, folder in places.items()
        if (is_var_open or not folder.is_relative_to(var)) and (fault := _fault(folder.absolute()))
    ]


def _fault(folder: Path) -> str:
    try:
        require_writable(folder)
    except Invalid as error:
        return error.message
    return ""


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there. Raises OSError."""
    return next(path for path in (folder, *folder.parents) if path.exists())
