"""Read and write manifest.json: each tensor's file and SHA-256, and what it was converted from.

A file's hash changes with the tool that wrote it; a tensor's does not. The manifest is written anew
after each shard, so it also tells how far an interrupted conversion got.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from inference.errors import CheckpointError
from inference.model.export import write_json
from inference.model.safetensors_writer import ShardLayout, tensor_bytes
from inference.model.weight_files import DTYPE_CODES
from inference.model_files.json_files import read_object

FILE_NAME = "manifest.json"
VERSION = 1


@dataclass
class Manifest:
    """The record of a conversion.

    source: form, and name, size and time of each file. tensors: file, dtype, shape and sha256 of
    each, by name.
    """

    source: dict[str, Any]
    tensors: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def find(cls, directory: Path) -> "Manifest | None":
        """Read a directory's manifest; None if it has none. Raises CheckpointError."""
        path = directory / FILE_NAME
        if not path.is_file():
            return None
        data = read_object(path, CheckpointError)
        source, tensors = data.get("source"), data.get("tensors")
        if not (isinstance(source, dict) and isinstance(tensors, dict)):
            raise CheckpointError(f"{path} is not a conversion's manifest: convert anew")
        if data.get("version") != VERSION:
            raise CheckpointError(f"{path} is of version {data.get('version')}, not {VERSION}")
        for name, entry in tensors.items():
            if not (isinstance(entry, dict) and isinstance(entry.get("sha256"), str)):
                raise CheckpointError(f"{path} does not name the SHA-256 of {name}: convert anew")
        return cls(source, tensors)

    def save(self, directory: Path) -> None:
        """Write it, whole or not at all."""
        data = {"version": VERSION, "source": self.source, "tensors": self.tensors}
        write_json(directory / FILE_NAME, data)

    def add_shard(self, name: str, layout: ShardLayout, digests: Mapping[str, str]) -> None:
        """Add a shard's tensors, with their SHA-256."""
        for tensor, entry in _entries(name, layout).items():
            self.tensors[tensor] = {**entry, "sha256": digests[tensor]}

    def holds(self, path: Path, layout: ShardLayout) -> bool:
        """Tell whether the shard at path is the one that was written, by its tensors' hashes."""
        noted = {
            name: entry for name, entry in self.tensors.items() if entry.get("file") == path.name
        }
        known = {n: {k: v for k, v in e.items() if k != "sha256"} for n, e in noted.items()}
        if known != _entries(path.name, layout) or not path.is_file():
            return False
        try:
            with safe_open(path, framework="pt") as file:
                return set(file.keys()) == set(noted) and all(
                    sha256_of(file.get_tensor(name)) == entry["sha256"]
                    for name, entry in noted.items()
                )
        except SafetensorError:
            return False


def sha256_of(tensor: Any) -> str:
    """Return the SHA-256 of a tensor's bytes, little-endian and in rows."""
    return hashlib.sha256(tensor_bytes(tensor)).hexdigest()


def _entries(name: str, layout: ShardLayout) -> dict[str, dict[str, Any]]:
    return {
        tensor: {"file": name, "dtype": DTYPE_CODES[dtype], "shape": list(shape)}
        for tensor, (dtype, shape) in layout.items()
    }
