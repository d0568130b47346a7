"""Which checkpoint a folder holds, told by the names of its files."""

import re
from dataclasses import dataclass
from pathlib import Path

from inference.errors import CheckpointError
from inference.weight_files import INDEX_NAME, SINGLE_NAME

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
_BIN = re.compile(r"(?P<stem>pytorch_model)(?:-(?P<shard>\d+)-of-\d+)?\.bin")
_NAMES = ((RAW, _SHARD), (PARTS, _PART), (SINGLETON, _SINGLE), (BIN, _BIN))


@dataclass(frozen=True)
class Form:
    """One checkpoint's files, by model-parallel part and shard, both counted from 0.

    A .bin shard holds tensors of its own; a raw one holds a slice of each.
    """

    kind: str
    stem: str
    files: dict[tuple[int, int], Path]

    @property
    def folder(self) -> Path:
        """Where the files lie."""
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
        """Names of files that the numbers of the others ask for."""
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
    """The checkpoint in a folder, or the one that a file belongs to. Raises CheckpointError."""
    given = Path(path)
    folder = given.parent if given.is_file() else given
    if not folder.is_dir():
        raise CheckpointError(f"there is no {given}")
    found = _forms(folder)
    if given.is_file():
        found = [form for form in found if given in form.files.values()]
    if not found:
        raise CheckpointError(
            f"{given} holds no checkpoint: looked for {SINGLE_NAME}, pytorch_model*.bin, "
            "*-model_part-N-shardN.pt, *-model_part-N.pt and *.pt"
        )
    if len(found) > 1:
        names = "; ".join(f"{next(iter(f.files.values()))} ({MEANINGS[f.kind]})" for f in found)
        raise CheckpointError(
            f"{given} holds {len(found)} checkpoints; give one of the files instead of the "
            f"folder: {names}"
        )
    return found[0]


def _forms(folder: Path) -> list[Form]:
    if (folder / INDEX_NAME).is_file() or (folder / SINGLE_NAME).is_file():
        return [Form(SAFETENSORS, "model", _numbered(sorted(folder.glob("*.safetensors"))))]
    found: dict[tuple[str, str], dict[tuple[int, int], Path]] = {}
    for path in sorted(folder.iterdir()):
        for kind, pattern in _NAMES:
            match = pattern.fullmatch(path.name)
            if match:
                numbers = match.groupdict()
                at = int(numbers.get("part") or 0), int(numbers.get("shard") or 0)
                found.setdefault((kind, match["stem"]), {})[at] = path
                break
    return [Form(kind, stem, files) for (kind, stem), files in found.items()]


def _numbered(paths: list[Path]) -> dict[tuple[int, int], Path]:
    return {(0, number): path for number, path in enumerate(paths)}


def _renumbered(name: str, part: int, shard: int) -> str:
    name = re.sub(r"model_part-\d+", f"model_part-{part}", name)
    name = re.sub(r"(?<=pytorch_model-)\d+", f"{shard:05}", name)
    return re.sub(r"-shard\d+", f"-shard{shard}", name)
