"""Write a safetensors file one tensor at a time; safetensors' own writer needs all at once."""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor

from inference.model.weight_files import DTYPE_CODES
from inference.model_files.safetensors_header import header_of

# dtype and shape of each tensor of one file, in its order
ShardLayout = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]


def write_tensors(path: Path, layout: ShardLayout, tensors: Iterator[Tensor]) -> dict[str, str]:
    """Write tensors, which come in the layout's order, and return each one's SHA-256.

    One tensor is held at a time. Raises ValueError where one isn't as the layout says.
    """
    digests = {}
    with path.open("wb") as file:
        codes = {name: (DTYPE_CODES[dtype], shape) for name, (dtype, shape) in layout.items()}
        file.write(header_of(codes))
        for (name, (dtype, shape)), tensor in zip(layout.items(), tensors, strict=True):
            if (tensor.dtype, tuple(tensor.shape)) != (dtype, shape):
                raise ValueError(f"{name} is {tensor.dtype} {list(tensor.shape)}, not as laid out")
            data = tensor_bytes(tensor)
            file.write(data)
            digests[name] = hashlib.sha256(data).hexdigest()
    return digests


def layout_bytes(layout: ShardLayout) -> int:
    """Return the bytes of a file's tensors."""
    return sum(torch.Size(shape).numel() * dtype.itemsize for dtype, shape in layout.values())


def tensor_bytes(tensor: Tensor) -> memoryview:
    """Return the bytes as safetensors stores them: a view, or a copy of a strided tensor."""
    if sys.byteorder != "little":
        raise ValueError("only little-endian machines are known")
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
