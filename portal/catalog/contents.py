"""A file of a revision, before there is a row of it."""

from __future__ import annotations

from dataclasses import dataclass

LFS_SUFFIXES = (".safetensors", ".gguf", ".npz", ".onnx")
LFS_FROM_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Content:
    """A path in a revision and the stored bytes that it stands for."""

    path: str
    sha256: str
    git_sha1: str
    size_bytes: int

    @property
    def lfs(self) -> bool:
        return self.path.endswith(LFS_SUFFIXES) or self.size_bytes >= LFS_FROM_BYTES
