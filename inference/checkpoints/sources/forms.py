"""Find out which checkpoint a folder holds, in which format, by the names of its files."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inference.errors import CheckpointError
from inference.model.weight_files import (
    BIN_INDEX_NAME,
    BIN_SINGLE_NAME,
    INDEX_NAME,
    SINGLE_NAME,
    find_weights,
    read_index,
)
from inference.model_files.config_checks import require_no_adapter

RAW, PARTS, SINGLETON, BIN, SAFETENSORS = "raw", "parts", "singleton", "bin", "safetensors"
MEANINGS = {
    RAW: "metaseq, raw: FSDP shards of model-parallel parts",
    PARTS: "metaseq, model-parallel parts",
    SINGLETON: "metaseq, one file",
    BIN: "transformers, .bin",
    SAFETENSORS: "transformers, safetensors",
}
_SHARD = re.compile(r"(?P<stem>.+?)(?:-model_part-(?P<part>\d+))?-shard(?P<shard>\d+)\.pt")
_PART = re.compile(r"(?P<stem>.+)-model_part-(?P<part>\d+)\.pt")
_SINGLE = re.compile(r"(?P<stem>.+)\.pt")
_METASEQ = ((RAW, _SHARD), (PARTS, _PART), (SINGLETON, _SINGLE))
_MOST_SHARDS = 10_000  # of a checkpoint that has no index
_TRAINING_STATE = {"optimizer.pt", "scheduler.pt", "scaler.pt"}  # transformers' trainer leaves them
_TRANSFORMERS = (
    (SAFETENSORS, SINGLE_NAME, INDEX_NAME, re.compile(r"model-(\d+)-of-(\d+)\.safetensors")),
    (BIN, BIN_SINGLE_NAME, BIN_INDEX_NAME, re.compile(r"pytorch_model-(\d+)-of-(\d+)\.bin")),
)
INDEXES = {kind: index for kind, _, index, _ in _TRANSFORMERS}


@dataclass(frozen=True)
class Form:
    """The files of one checkpoint, by model-parallel part and shard, both counted from 0.

    A shard of transformers' holds whole tensors; a raw one holds a slice of each. promised: names
    of transformers' files that the index lists, or that the count in their names implies.
    """

    kind: str
    stem: str
    files: dict[tuple[int, int], Path]
    promised: frozenset[str] = frozenset()

    @property
    def is_transformers(self) -> bool:
        """True for safetensors and .bin files, False for metaseq's."""
        return self.kind in (SAFETENSORS, BIN)

    @property
    def folder(self) -> Path:
        """The folder that the files are in."""
        return next(iter(self.files.values())).parent

    @property
    def parts(self) -> list[list[Path]]:
        """Files in the order of their numbers: shards within parts."""
        numbers = sorted(self.files)
        return [
            [self.files[number] for number in numbers if number[0] == part]
            for part in sorted({part for part, _ in numbers})
        ]

    @property
    def absent(self) -> list[str]:
        """Names of absent files, by the index or the other files' numbers."""
        if self.is_transformers:
            return sorted(self.promised - {path.name for path in self.files.values()})
        parts = 1 + max(part for part, _ in self.files)
        shards = range(min(s for _, s in self.files), 1 + max(s for _, s in self.files))
        some = next(iter(self.files.values())).name
        return [
            _renumbered(some, part, shard)
            for part in range(parts)
            for shard in shards
            if (part, shard) not in self.files
        ]


def find_form(path: str | Path) -> Form:
    """Find the checkpoint in a folder, or the one that a file belongs to.

    Of a folder's safetensors and .bin files, these are the ones that transformers loads, whatever
    else is there. Raises CheckpointError; ConfigError for an adapter's folder.
    """
    start = Path(path)
    folder = start.parent if start.is_file() else start
    if not folder.is_dir():
        raise CheckpointError(f"there is no {start}")
    require_no_adapter(folder)
    forms = [*_transformers_forms(folder), *_metaseq_forms(folder)]
    if start.is_file():
        forms = [f for f in forms if start in f.files.values() or start.name == INDEXES.get(f.kind)]
    elif forms and forms[0].is_transformers:
        return forms[0]
    if not forms:
        raise CheckpointError(
            f"{start} holds no checkpoint: looked for {SINGLE_NAME}, pytorch_model*.bin, "
            "*-model_part-N-shardN.pt, *-model_part-N.pt and *.pt"
        )
    if len(forms) > 1:
        names = "; ".join(f"{next(iter(f.files.values()))} ({MEANINGS[f.kind]})" for f in forms)
        raise CheckpointError(
            f"{start} holds {len(forms)} checkpoints; give one of the files instead of the "
            f"folder: {names}"
        )
    return forms[0]


def _transformers_forms(folder: Path) -> list[Form]:
    forms = []
    for kind, single, index, pattern in _TRANSFORMERS:
        if (folder / single).is_file():
            names = {single}
        elif (folder / index).is_file():
            names = set(read_index(folder / index).values())
        else:
            names = _counted(folder, pattern)
        present = [folder / name for name in sorted(names) if (folder / name).is_file()]
        if (folder / single).is_file() or (folder / index).is_file():
            find_weights(folder)  # refuses a folder that transformers reads otherwise
        if present:
            forms.append(Form(kind, "model", _numbered(present), frozenset(names)))
        elif names and not forms:  # safetensors come before what an index of .bin files says
            raise CheckpointError(f"{folder / index} names files of which none is here")
    return forms


def _counted(folder: Path, pattern: re.Pattern[str]) -> set[str]:
    """Return the names of shards without an index, and of others that their numbers imply."""
    matches = [match for path in folder.iterdir() if (match := pattern.fullmatch(path.name))]
    names = {match[0] for match in matches}
    for match in matches:
        before, after = match[0].split(match[1], 1)
        numbers = range(1, min(int(match[2]), _MOST_SHARDS) + 1)
        names |= {f"{before}{number:0{len(match[1])}}{after}" for number in numbers}
    return names


def _metaseq_forms(folder: Path) -> list[Form]:
    files_by_form: dict[tuple[str, str], dict[tuple[int, int], Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.name in _TRAINING_STATE:
            continue
        for kind, pattern in _METASEQ:
            match = pattern.fullmatch(path.name)
            if match:
                numbers = match.groupdict()
                at = int(numbers.get("part") or 0), int(numbers.get("shard") or 0)
                files_by_form.setdefault((kind, match["stem"]), {})[at] = path
                break
    return [Form(kind, stem, files) for (kind, stem), files in files_by_form.items()]


def _numbered(paths: Iterable[Path]) -> dict[tuple[int, int], Path]:
    return {(0, number): path for number, path in enumerate(paths)}


def _renumbered(name: str, part: int, shard: int) -> str:
    name = re.sub(r"model_part-\d+", f"model_part-{part}", name)
    return re.sub(r"-shard\d+", f"-shard{shard}", name)
