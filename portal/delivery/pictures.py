"""Tell which files of a repo are pictures that its card may show."""

from __future__ import annotations

from pathlib import PurePosixPath

LARGEST_PICTURE_BYTES = 5 * 1024 * 1024
TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
"""An SVG can act only where it is opened by itself, and there its answer forbids that."""


def picture_type(path: str) -> str | None:
    """Return the media type that a picture is sent as; None where the name is no picture's."""
    return TYPES.get(PurePosixPath(path).suffix.lower())
