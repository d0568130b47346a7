"""The formats of files that hold weights, known by their names."""

from __future__ import annotations

SAFETENSORS = ".safetensors"
WEIGHT_SUFFIXES = (
    SAFETENSORS,
    ".bin",
    ".ckpt",
    ".distcp",
    ".gguf",
    ".h5",
    ".msgpack",
    ".npz",
    ".onnx",
    ".pt",
    ".pth",
)
"""In small letters. ``.bin`` and ``.npz`` may be data too; they are taken for weights."""


def is_called_weights(path: str) -> bool:
    """Tell whether a file has a name of weights, in whatever case of letters."""
    return path.casefold().endswith(WEIGHT_SUFFIXES)
