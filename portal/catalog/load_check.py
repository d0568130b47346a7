"""Load a revision's stored bytes with the engine, to know that people can use what they get.

The engine is a program of its own, since the portal has no torch. It sees a folder of links to the
local store, or of files fetched from the bucket.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from portal.catalog.contents import Content
from portal.catalog.engine_choice import trying_engine
from portal.catalog.engine_files import without_folder
from portal.catalog.errors import NotPublishable
from portal.catalog.models import EngineName
from portal.catalog.quarantine.laying_out import lay_out
from portal.storage import BlobMissing

NEEDED = re.compile(
    r".*\.(json|safetensors)|(.*/)?(merges\.txt|pytorch_model[^/]*\.bin)", re.DOTALL
)
TOLD_AT_MOST = 2000
UNCHECKED = "unchecked"
NO_VLLM = "vLLM, which is to serve it, isn’t configured where it was published"
NO_ROOM = "there was no memory free for vLLM to try it in"
OUT_OF_MEMORY = (
    "out of memory",
    "OutOfMemoryError",
    "No available memory",
    "Free memory on device",
)
BEAT_SECONDS = 5.0


@dataclass(frozen=True)
class LoadCheck:
    """The load check of a publishing; ``skipped`` is the reason not to do it.

    ``engine``: the one that the model's settings name; empty for that of its architecture. ``beat``
    is called every few seconds while it runs, by whoever must show that they are at it.
    """

    skipped: str = ""
    engine: str = ""
    beat: Callable[[], object] = lambda: None

    def __call__(self, contents: Sequence[Content]) -> dict[str, Any]:
        """Return the facts for the release's event. Raises NotPublishable in the engine's words."""
        if self.skipped:
            return {"load_check": {"result": "skipped", "reason": self.skipped}}
        engine = trying_engine(contents, self.engine) or EngineName.NATIVE
        if engine == EngineName.VLLM and not settings.VLLM:
            return unchecked(NO_VLLM)
        with tempfile.TemporaryDirectory(dir=roomy(), prefix="load-check-") as name:
            folder = Path(name)
            _lay_out_needed(contents, folder)
            try:
                findings = _run(folder, self.beat, engine)
            except NoMemoryForCheck as error:
                return unchecked(str(error))
        if findings["not_loaded"]:
            reason = findings["not_loaded"]
            return {"load_check": {"result": "read", "reason": reason, "engine": str(engine)}}
        loaded = {
            "result": "loaded",
            "tokens": findings["token_ids"],
            "ranks": findings["ranks"],
            "engine": str(engine),
        }
        return {"load_check": loaded}


class NoMemoryForCheck(Exception):
    """An engine that had no room to try a model, which says nothing of the model."""


def unchecked(reason: str) -> dict[str, Any]:
    """Return the facts of a model that its engine hasn't tried."""
    return {"load_check": {"result": UNCHECKED, "reason": reason, "engine": str(EngineName.VLLM)}}


def is_needed(path: str) -> bool:
    """Return True for files that the engine may read; of pickles, only weights, never run."""
    return NEEDED.fullmatch(path) is not None


def _lay_out_needed(contents: Sequence[Content], folder: Path) -> None:
    """Put the stored files that an engine reads into a folder. Raises NotPublishable."""
    paths = {file.sha256: file.path for file in contents}
    try:
        lay_out((file for file in contents if is_needed(file.path)), folder, is_whole=True)
    except BlobMissing as error:
        lost = paths[str(error)]
        raise NotPublishable([f"{lost} is not in the store any more: publish again"]) from None


def roomy() -> Path:
    """Return a folder on the installation's own disk: /tmp may be memory, and a model is large."""
    folder: Path = settings.VAR / "publish"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(folder: Path, beat: Callable[[], object], engine_name: EngineName) -> dict[str, Any]:
    """Run the engine on a folder and return its findings.

    Raises NotPublishable, NoMemoryForCheck.
    """
    command = [sys.executable, "-m", "inference", "check", str(folder), "--json"]
    options: dict[str, Any] = {
        "--dtype": settings.ENGINE_DTYPE,
        "--device": settings.ENGINE_DEVICE,
        "--tp": settings.ENGINE_TENSOR_PARALLEL_SIZE,
        "--pp": settings.ENGINE_PIPELINE_PARALLEL_SIZE,
        "--rank-timeout": settings.ENGINE_RANK_TIMEOUT.total_seconds(),
    }
    if engine_name == EngineName.VLLM:
        options["--vllm"] = settings.VLLM
        options["--vllm-start-seconds"] = settings.VLLM_START_SECONDS
        command.append(f"--vllm-args={shlex.join(settings.VLLM_ARGS)}")
    command += [str(word) for option in options.items() for word in option]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=settings.BASE_DIR, stdout=pipe, stderr=pipe, text=True
    ) as engine:
        try:
            printed, complaints = _outputs(engine, beat)
        except BaseException:
            engine.kill()
            raise
    if engine.returncode:
        said = without_folder(complaints, folder).strip()
        if engine_name == EngineName.VLLM and any(sign in said for sign in OUT_OF_MEMORY):
            raise NoMemoryForCheck(NO_ROOM)
        ended = engine.returncode
        raise NotPublishable([f"The stored files don’t work. The engine says: {_end(said, ended)}"])
    findings: dict[str, Any] = json.loads(printed)
    return findings


def _outputs(engine: subprocess.Popen[str], beat: Callable[[], object]) -> tuple[str, str]:
    while True:
        try:
            return engine.communicate(timeout=BEAT_SECONDS)
        except subprocess.TimeoutExpired:
            beat()


def _end(said: str, status: int) -> str:
    """Return the end of a failed engine's output; a killed process has none."""
    if said:
        return said[-TOLD_AT_MOST:]
    return (
        f"nothing; it ended with status {status}. This machine may not hold the model: ask the "
        "operator, or publish on a larger one; `manage.py publish` has --no-load-check"
    )
