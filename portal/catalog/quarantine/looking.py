"""Look at a revision's stored files, as every door of publishing does."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings

from inference.model_files.config_checks import is_opt_folder
from inference.model_files.weight_formats import is_called_weights
from portal.catalog import folder_checks
from portal.catalog.contents import Content
from portal.catalog.engine_choice import trying_engine
from portal.catalog.errors import NotPublishable
from portal.catalog.findings import Findings, first_problems
from portal.catalog.folder_checks import is_hidden
from portal.catalog.load_check import UNCHECKED, LoadCheck, is_needed, roomy
from portal.catalog.models import LoadTrial
from portal.catalog.quarantine.finite import Advance, examine_shards, unread
from portal.catalog.quarantine.laying_out import lay_out
from portal.catalog.weight_checks import PICKLED_WEIGHTS
from portal.storage import BlobMissing

LOADED_WITH = frozenset(
    {"config.json", "adapter_config.json", "tokenizer.json", "vocab.json", "merges.txt"}
)
TOO_LARGE = "The weights are larger than this installation loads to try them"


@dataclass
class Verdict:
    """The findings about a revision's files; ``facts`` go into the event of its publishing."""

    findings: Findings
    facts: Mapping[str, Any] = field(default_factory=dict)


def look_at(
    contents: Sequence[Content],
    *,
    before: Sequence[Content],
    allow_pickle: bool,
    now: datetime,
    advance: Advance,
    engine: str = "",
) -> Verdict:
    """Check stored files: headers first, then every number, then whether the engine loads them.

    What costs more waits until nothing is wrong by what costs less. What the engine reads is read
    and loaded only where it is other than in ``before``, which has passed.
    """
    try:
        return _look_at(contents, before, allow_pickle, now, advance, engine)
    except BlobMissing:
        lost = "Bytes of this revision are not in the store any more: upload its files again"
        return Verdict(Findings(problems=[lost]))
    except NotPublishable as error:
        return Verdict(Findings(problems=error.problems))


def is_of_documents(paths: Sequence[str]) -> bool:
    """Tell whether files are only documents: none is weights, or what weights are loaded with.

    A card may stand before the weights come, and for a model whose weights are elsewhere.
    """
    return not any(
        path in LOADED_WITH or is_called_weights(path) or path.endswith(".index.json")
        for path in paths
    )


def bytes_to_read(contents: Sequence[Content], before: Sequence[Content]) -> int:
    """Return how much of the weights a check reads and loads; 0 where they have passed before."""
    if _have_passed(contents, before):
        return 0
    needed = _needed(contents)
    to_load = sum(content.size_bytes for content in needed)
    is_tried = LoadTrial.objects.filter(pk=_digest(needed)).exists()
    to_load = 0 if is_tried or to_load > settings.LOAD_CHECK_BYTES else to_load
    return max(sum(content.size_bytes for content in unread(contents)), to_load)


def _have_passed(contents: Sequence[Content], before: Sequence[Content]) -> bool:
    """Tell whether what the engine reads is the same as in a revision that has passed."""
    needed = _needed(contents)
    return bool(needed) and _digest(needed) == _digest(_needed(before))


def _hidden_weights(contents: Sequence[Content]) -> list[str]:
    """Refuse weights behind a dot: a check of folders passes over what is hidden in them."""
    paths = (content.path for content in contents)
    hidden = [path for path in paths if is_hidden(PurePosixPath(path)) and is_called_weights(path)]
    return first_problems(
        [f"{path} is hidden by a dot, where no check looks: rename it" for path in hidden]
    )


def _needed(contents: Sequence[Content]) -> list[Content]:
    return [content for content in contents if is_needed(content.path)]


def _look_at(
    contents: Sequence[Content],
    before: Sequence[Content],
    allow_pickle: bool,
    now: datetime,
    advance: Advance,
    engine: str,
) -> Verdict:
    if unseen := _hidden_weights(contents):
        return Verdict(Findings(problems=unseen))
    with tempfile.TemporaryDirectory(dir=roomy(), prefix="check-") as name:
        folder = Path(name)
        files = lay_out(contents, folder)
        if is_of_documents(list(files)):
            return Verdict(folder_checks.check_documents(files))
        findings = folder_checks.check(
            folder, files=files, allow_pickle=allow_pickle, engine_loads=True
        )
        is_loadable = is_opt_folder(folder) or any(map(PICKLED_WEIGHTS.fullmatch, files))
        is_loadable = is_loadable or trying_engine(contents, engine) is not None
    if _have_passed(contents, before):
        return Verdict(findings, SAME)
    if not findings.problems:
        findings.problems += examine_shards(contents, now=now, advance=advance)
    if findings.problems or findings.missing:
        return Verdict(findings)
    return Verdict(findings, _loaded(contents, now, advance, engine) if is_loadable else READ)


SAME = {"load_check": {"result": "same", "reason": "They have passed before"}}
READ = {"load_check": {"result": "read", "reason": "The engine runs no models of this kind"}}


def _loaded(
    contents: Sequence[Content], now: datetime, advance: Advance, engine: str
) -> Mapping[str, Any]:
    """Let the engine load the files, once for the same ones. Raises NotPublishable."""
    needed = _needed(contents)
    if sum(content.size_bytes for content in needed) > settings.LOAD_CHECK_BYTES:
        return LoadCheck(TOO_LARGE)(contents)
    digest = _digest(needed, engine)
    if trial := LoadTrial.objects.filter(pk=digest).first():
        facts: dict[str, Any] = trial.facts
        return facts
    loaded = LoadCheck(engine=engine, beat=lambda: advance("", 0))(contents)
    if loaded["load_check"]["result"] == UNCHECKED:
        return loaded
    LoadTrial.objects.get_or_create(digest=digest, defaults={"facts": loaded, "tried_at": now})
    return loaded


def _digest(contents: Sequence[Content], engine: str = "") -> str:
    """Name the files; and the engine, where it isn't that of their architecture."""
    named = f"{engine}\n" if engine else ""
    lines = sorted(f"{content.sha256}  {content.path}\n" for content in contents)
    return hashlib.sha256((named + "".join(lines)).encode()).hexdigest()
