"""Places for backups and for the log of endings: a folder, and a bucket on each S3 server."""

from __future__ import annotations

import pytest

from portal.backup.endings.logs import EndingsLog, endings_log
from tests.buckets import BUCKET, COMMANDS, make_s3_store, s3_servers

__all__ = ["s3_servers"]


@pytest.fixture(params=["file", *COMMANDS])
def log(request, s3_servers, settings, tmp_path) -> EndingsLog | None:
    """Return a log in a file, or in a bucket of either server."""
    settings.ENDINGS_LOG = str(tmp_path / "elsewhere" / "endings.jsonl")
    if request.param != "file":
        make_s3_store(s3_servers(request.param), settings)
        settings.ENDINGS_LOG = f"s3://{BUCKET}/endings-{tmp_path.name}"
    return endings_log()
