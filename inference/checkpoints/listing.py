"""What a checkpoint holds, in any known form."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from inference.checkpoints.forms import SAFETENSORS, Form, find_form
from inference.checkpoints.manifest import sha256_of
from inference.checkpoints.source import ReadOptions, Source, config_for, open_source
from inference.checkpoints.stored import count
from inference.config import OptConfig
from inference.errors import ConfigError, WeightMismatch
from inference.weight_files import DTYPE_CODES, list_weights


@dataclass(frozen=True)
class Entry:
    """One tensor. files: how many hold a part of it; file: the first, or the only one."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    file: str
    files: int = 1
    sha256: str | None = None


@dataclass(frozen=True)
class Listing:
    """config: None where nothing says the shape. faults: what else would keep it from use."""

    form: Form
    config: OptConfig | None
    tensors: list[Entry]
    faults: list[str]

    def as_dict(self) -> dict[str, Any]:
        """All of it, with totals."""
        paths = self.form.files.values()
        return {
            "form": self.form.kind,
            "sharded": len(self.form.files) > 1,
            "model_parallel_parts": len(self.form.parts),
            "files": sorted(path.name for path in paths),
            "file_bytes": sum(path.stat().st_size for path in paths),
            "config": self.config and self.config.to_dict(),
            "tensors": [asdict(entry) for entry in self.tensors],
            "parameters": sum(count(entry.shape) for entry in self.tensors),
            "bytes": sum(entry.bytes for entry in self.tensors),
            "dtypes": dict(Counter(entry.dtype for entry in self.tensors)),
            "faults": self.faults,
        }


def list_checkpoint(
    path: Path, options: ReadOptions, *, hashed: bool = False, advance: Callable[[int], None]
) -> Listing:
    """Every tensor by the model's name. hashed: read all bytes, telling advance of each tensor's.

    Raises CheckpointError where files are absent or can't be read.
    """
    form = find_form(path)
    if form.kind == SAFETENSORS:
        found = sorted(_safetensors(form, hashed, advance), key=lambda entry: entry.name)
        return Listing(form, _own_config(form, options), found, [])
    source = open_source(form, options)
    config, faults = _config_of(source, options)
    return Listing(form, config, list(_entries(source, hashed, advance)), faults)


def _safetensors(form: Form, hashed: bool, advance: Callable[[int], None]) -> Iterator[Entry]:
    sizes = {code: dtype.itemsize for dtype, code in DTYPE_CODES.items()}
    for weight in list_weights(form.folder):
        digest = None
        if hashed:
            with safe_open(weight.path, framework="pt") as file:
                digest = sha256_of(file.get_tensor(weight.stored_name))
        size = count(weight.shape) * sizes.get(weight.dtype, 1)
        yield Entry(weight.name, weight.shape, weight.dtype, size, weight.path.name, sha256=digest)
        advance(size)


def _entries(source: Source, hashed: bool, advance: Callable[[int], None]) -> Iterator[Entry]:
    files, first = source.form.files, next(iter(source.form.files.values())).name
    for name, weight in source.weights.items():
        size = count(weight.shape) * weight.dtype.itemsize
        digest = sha256_of(weight.read()) if hashed else None
        code = DTYPE_CODES.get(weight.dtype, str(weight.dtype))
        spread = sum(len(piece.runs) for piece in weight.pieces)
        yield Entry(name, weight.shape, code, size, first, min(spread, len(files)), digest)
        advance(size)


def _own_config(form: Form, options: ReadOptions) -> OptConfig | None:
    if options.config is not None or not (form.folder / "config.json").is_file():
        return options.config
    return OptConfig.from_directory(form.folder)


def _config_of(source: Source, options: ReadOptions) -> tuple[OptConfig | None, list[str]]:
    faults = source.faults
    told = [
        f"{kind}: {sentence}" for kind, sentences in vars(faults).items() for sentence in sentences
    ]
    try:
        return config_for(source, options), told
    except WeightMismatch:
        return None, told
    except ConfigError as error:
        return None, [*told, str(error)]
