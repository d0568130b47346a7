"""Check this host: its clock, and the room on its disks."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from pathlib import Path

from django.conf import settings

from portal.doctor.findings import DoctorFinding, Findings, fault, ok, warning

UNSYNCHRONIZED = 5  # TIME_ERROR of adjtimex(2)
LARGEST_TIMEX_BYTES = 512
LEAST_BYTES = 1_000_000_000
LITTLE_BYTES = 10_000_000_000


def clock() -> Findings:
    """Check that the kernel’s clock follows a time server."""
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(LARGEST_TIMEX_BYTES))
    if state == UNSYNCHRONIZED:
        return [
            warning(
                "The kernel says that its clock follows no time server.",
                "Run systemd-timesyncd or chrony; in a container, on its host. Deadlines, signed "
                "links and certificates go by it.",
            )
        ]
    if state < 0:
        return [
            ok("The kernel doesn’t say whether its clock follows a time server; see `date -u`.")
        ]
    return [ok("It follows a time server.")]


def disk() -> Findings:
    """Check that the folders can be written, and how much room is left there."""
    folders = [settings.VAR, *([settings.BLOB_DIR] if settings.STORAGE == "local" else [])]
    return [_room(folder) for folder in dict.fromkeys(folders)]


def _room(folder: Path) -> DoctorFinding:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return fault(
            f"{folder} can’t be written: {error.strerror or error}.",
            "Make it, let the portal’s account write there, and give it room.",
        )
    words = f"{folder} has {free / 1e9:,.1f} GB left."
    more = "Give it more, before uploads and logs stop; publishing needs a model’s size twice."
    if free < LEAST_BYTES:
        return fault(words, more)
    return warning(words, more) if free < LITTLE_BYTES else ok(words)
