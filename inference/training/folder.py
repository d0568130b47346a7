"""Find out whether a folder to train into is empty, holds a run to resume, or other files.

Nothing that this run didn't write is overwritten.
"""

import hashlib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

from inference.errors import TrainError
from inference.model.export import PART_SUFFIX
from inference.training.checkpoint import FILE_NAME as STATE_NAME
from inference.training.checkpoint import REMEDY, TrainingProgress
from inference.training.checkpoints import newest_progress
from inference.training.logbook import Entry, read_logbook
from inference.training.logbook_entries import LOGBOOK_NAME
from inference.training.settings import RunSettings

TOKENIZER_FILES = ("special_tokens_map.json", "tokenizer_config.json", "tokenizer.json")
SHARDS = "model-*-of-*.safetensors"
EXPORTED = ("config.json", "generation_config.json", SHARDS, "model.safetensors.index.json")
MODEL_FILES = (
    *TOKENIZER_FILES,
    *EXPORTED,
    *("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.index.json"),
    *("manifest.json", "logbook.md", "vocab.json", "merges.txt", "added_tokens.json"),
)
LEFTOVERS = (  # of a write that was killed; the last one is safetensors' own
    *(f"{name}{PART_SUFFIX}" for name in (STATE_NAME, *TOKENIZER_FILES, *EXPORTED)),
    ".tmp??????",
)


def is_finished(directory: Path, settings: RunSettings) -> bool:
    """Tell whether a run came to its end here and its files are still there.

    Raises TrainError if it had other settings, or if a file is gone or has changed since.
    """
    entries = read_logbook(directory / LOGBOOK_NAME)
    ends = [entry for entry in entries if entry["kind"] == "milestone" and "ended_at" in entry]
    if not ends:
        return False
    used = [entry["changes"] for entry in entries if "changes" in entry]
    if not used:
        raise TrainError(f"{directory / LOGBOOK_NAME} has no entry of the settings; {REMEDY}")
    _require_same({change["name"]: change["to"] for change in used[-1]}, settings)
    _require_result(directory, ends[-1].get("files", {"config.json": None}))
    return True


def _require_result(directory: Path, noted: Mapping[str, str | None]) -> None:
    for name, digest in noted.items():
        path = directory / name
        if not path.is_file():
            raise TrainError(f"{directory} holds a finished run whose {name} is gone; {REMEDY}")
        if digest is not None and file_digest(path) != digest:
            raise TrainError(
                f"{directory} holds a finished run whose {name} has changed since; {REMEDY}"
            )


def result_digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of the exported model and its tokenizer."""
    paths = [path for name in (*TOKENIZER_FILES, *EXPORTED) for path in directory.glob(name)]
    return {path.name: file_digest(path) for path in sorted(paths)}


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_progress(
    directory: Path, settings: RunSettings, *, must_resume: bool
) -> TrainingProgress | None:
    """Read how far the unfinished run came, and remove half-written files of a killed process.

    Returns None where a run is to begin. Raises TrainError if the folder holds anything else.
    """
    entries, progress = read_logbook(directory / LOGBOOK_NAME), newest_progress(directory)
    if progress is None and must_resume:
        raise TrainError(f"no checkpoint in {directory} to resume from; leave out --resume")
    if progress is not None:
        _require_goes_on(directory, progress, entries, settings)
    done = progress is not None and progress.step == settings.steps
    _require_own(directory, begun=bool(entries), exporting=done)
    if entries:
        for pattern in LEFTOVERS:
            for path in directory.glob(pattern):
                path.unlink()
    return progress


def tokenizer_digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of each of the tokenizer's files."""
    paths = [directory / name for name in TOKENIZER_FILES]
    return {path.name: file_digest(path) for path in paths if path.is_file()}


def require_tokenizer(directory: Path, progress: TrainingProgress) -> None:
    """Raise TrainError naming the tokenizer's file that isn't as the checkpoint noted it."""
    digests = tokenizer_digests(directory)
    for name, noted in progress.tokenizer_sha256.items():
        if digests.get(name) != noted:
            fault = "has changed" if name in digests else "is gone"
            raise TrainError(
                f"{directory / name} {fault} since the checkpoint of step {progress.step}; {REMEDY}"
            )


def _require_goes_on(
    directory: Path, progress: TrainingProgress, entries: list[Entry], settings: RunSettings
) -> None:
    _require_same(progress.settings, settings)
    state = directory / STATE_NAME
    if not 0 < progress.step <= settings.steps:
        raise TrainError(f"{state} is of step {progress.step} of {settings.steps}; {REMEDY}")
    if not entries:
        raise TrainError(f"{state} is of a run whose {LOGBOOK_NAME} is gone; {REMEDY}")


def _require_own(directory: Path, *, begun: bool, exporting: bool) -> None:
    own = [STATE_NAME, *TOKENIZER_FILES] if begun else []
    own += EXPORTED if exporting else []
    for path in sorted(directory.iterdir()):
        if _is_like(path.name, MODEL_FILES) and not _is_like(path.name, own):
            raise TrainError(
                f"{directory} holds a model already, or what another command writes ({path.name}); "
                "give another --out"
            )


def _is_like(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _require_same(used: dict[str, object], settings: RunSettings) -> None:
    wanted = settings.as_dict()
    differing = [
        f"{name} was {used.get(name)!r}, now {wanted.get(name)!r}"
        for name in dict.fromkeys([*wanted, *used])
        if used.get(name) != wanted.get(name)
    ]
    if differing:
        raise TrainError(
            f"the folder's run has other settings ({'; '.join(differing)}); "
            "give the same ones, or another --out"
        )
