"""List the tensors, files and config of a checkpoint in any known format."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.checkpoints.sources.forms import Form, find_form
from inference.checkpoints.sources.source import (
    ReadOptions,
    Source,
    config_for,
    find_faults,
    open_source,
)
from inference.checkpoints.sources.stored import count
from inference.checkpoints.writing.configs import config_fields
from inference.errors import CheckpointError, ConfigError, WeightMismatch
from inference.model.manifest import sha256_of
from inference.model.weight_files import DTYPE_CODES
from inference.model_files.weight_names import require_own_names


@dataclass(frozen=True)
class ListedTensor:
    """A tensor in a listing. files: how many hold a part of it; file: the first of them."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    file: str
    files: int = 1
    sha256: str | None = None


@dataclass(frozen=True)
class Listing:
    """A checkpoint's tensors, files and config.

    config: its fields, None where nothing says the shape. aliases: other names under which the
    files hold a tensor. faults: sentences on what else makes it unusable.
    """

    form: Form
    config: Mapping[str, Any] | None
    tensors: list[ListedTensor]
    aliases: Mapping[str, str]
    faults: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the listing with its totals, for JSON."""
        paths = self.form.files.values()
        return {
            "form": self.form.kind,
            "sharded": len(self.form.files) > 1,
            "model_parallel_parts": len(self.form.parts),
            "files": sorted(path.name for path in paths),
            "file_bytes": sum(path.stat().st_size for path in paths),
            "config": self.config and dict(self.config),
            "tensors": [asdict(entry) for entry in self.tensors],
            "aliases": dict(self.aliases),
            "parameters": sum(count(entry.shape) for entry in self.tensors),
            "bytes": sum(entry.bytes for entry in self.tensors),
            "dtypes": dict(Counter(entry.dtype for entry in self.tensors)),
            "faults": self.faults,
        }


def list_checkpoint(
    path: Path, options: ReadOptions, *, hashed: bool = False, advance: Callable[[int], None]
) -> Listing:
    """List every tensor by the model's name.

    hashed: read all bytes for their SHA-256. advance: called with each tensor's size. Raises
    CheckpointError if files are absent or can't be read.
    """
    form = find_form(path)
    source = open_source(form, options)
    config, faults = _config_of(source, options)
    return Listing(form, config, list(_entries(source, hashed, advance)), source.aliases, faults)


def _entries(
    source: Source, hashed: bool, advance: Callable[[int], None]
) -> Iterator[ListedTensor]:
    for name, weight in sorted(source.weights.items()):
        size = count(weight.shape) * weight.dtype.itemsize
        digest = sha256_of(weight.read()) if hashed else None
        code = DTYPE_CODES.get(weight.dtype, str(weight.dtype))
        files = weight.paths
        yield ListedTensor(name, weight.shape, code, size, files[0].name, len(files), digest)
        advance(size)


def _config_of(source: Source, options: ReadOptions) -> tuple[Mapping[str, Any] | None, list[str]]:
    fields, errors = None, []
    try:
        config = config_for(source, options)
        fields = config_fields(source, config, options)
        require_own_names(source.named_files)
        find_faults(source, config)
    except WeightMismatch:
        pass  # its sentences are among the source's faults
    except (CheckpointError, ConfigError) as error:
        errors.append(str(error))
    faults = vars(source.faults).items()
    listed = [f"{kind}: {sentence}" for kind, sentences in faults for sentence in sentences]
    return fields, listed + errors
