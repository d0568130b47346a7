"""Load a revision's stored bytes with the engine, to know that people can use what they get.

The engine is a program of its own, since the portal has no torch. It sees a folder of links to the
local store, or of files fetched from the bucket.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import Any

from django.conf import settings

from portal.catalog.contents import Content
from portal.catalog.engine_files import without_folder
from portal.catalog.errors import NotPublishable
from portal.storage import BlobMissing, blob_store
from portal.storage.base import CHUNK_BYTES

NEEDED = re.compile(
    r".*\.(json|safetensors)|(.*/)?(merges\.txt|pytorch_model[^/]*\.bin)", re.DOTALL
)
TOLD_AT_MOST = 2000


@dataclass(frozen=True)
class LoadCheck:
    """The load check of a publishing; ``skipped`` is the publisher's reason not to do it."""

    skipped: str = ""

    def __call__(self, contents: Sequence[Content]) -> dict[str, Any]:
        """Return the facts for the release's event. Raises NotPublishable in the engine's words."""
        if self.skipped:
            return {"load_check": {"result": "skipped", "reason": self.skipped}}
        with tempfile.TemporaryDirectory(dir=_roomy(), prefix="load-check-") as name:
            folder = Path(name)
            place(contents, folder)
            findings = _run(folder)
        if findings["not_loaded"]:
            return {"load_check": {"result": "read", "reason": findings["not_loaded"]}}
        loaded = {"result": "loaded", "tokens": findings["token_ids"], "ranks": findings["ranks"]}
        return {"load_check": loaded}


def is_needed(path: str) -> bool:
    """Return True for files that the engine may read; of pickles, only weights, never run."""
    return NEEDED.fullmatch(path) is not None


def place(contents: Sequence[Content], folder: Path) -> None:
    """Put the stored files that an engine reads into a folder. Raises NotPublishable."""
    for content in contents:
        if not is_needed(content.path):
            continue
        target = folder / content.path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _place(content.sha256, target)
        except BlobMissing:
            raise NotPublishable(
                [f"{content.path} is not in the store any more: publish again"]
            ) from None


def _place(sha256: str, target: Path) -> None:
    local = blob_store().local_path(sha256)
    if local is not None:
        target.symlink_to(local.absolute())
        return
    with blob_store().open(sha256) as source, target.open("wb") as out:
        copyfileobj(source, out, CHUNK_BYTES)


def _roomy() -> Path:
    """Return a folder on the installation's own disk: /tmp may be memory, and a model is large."""
    folder: Path = settings.VAR / "publish"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(folder: Path) -> dict[str, Any]:
    """Run the engine on a folder and return its findings. Raises NotPublishable."""
    command = [sys.executable, "-m", "inference", "check", str(folder), "--json"]
    options = {
        "--dtype": settings.ENGINE_DTYPE,
        "--device": settings.ENGINE_DEVICE,
        "--tp": settings.ENGINE_TENSOR_PARALLEL_SIZE,
        "--pp": settings.ENGINE_PIPELINE_PARALLEL_SIZE,
        "--rank-timeout": settings.ENGINE_RANK_TIMEOUT.total_seconds(),
    }
    command += [str(word) for option in options.items() for word in option]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = without_folder(done.stderr, folder).strip()
        raise NotPublishable([f"The stored files don’t work. The engine says: {_end(said, done)}"])
    findings: dict[str, Any] = json.loads(done.stdout)
    return findings


def _end(said: str, done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of a failed engine's output; a killed process has none."""
    if said:
        return said[-TOLD_AT_MOST:]
    return (
        f"nothing; it ended with status {done.returncode}. If this machine can’t hold the model, "
        "say --no-load-check and why"
    )
