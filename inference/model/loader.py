"""Load checkpoint files into a model: every weight exactly once, or one error naming all faults.

Each rank checks the whole checkpoint by its headers and reads its own slices. Memory is taken
module by module, filled in its final dtype and packed at once, so that two copies of the model are
never in memory together.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from inference.config import OptConfig
from inference.errors import WeightMismatch
from inference.model.layout import WHOLE, Layout, split_dim, split_unit
from inference.model.linear import Linear, VocabTable, kernel_maker
from inference.model.manifest import FILE_NAME as MANIFEST_NAME
from inference.model.manifest import Manifest, sha256_of
from inference.model.opt import OptModel, Reduce, meta_model, weights_of
from inference.model.weight_files import StoredWeight, WeightFile, model_weights, open_weight_files
from inference.model_files.weight_names import EMBEDDING, TIED_HEAD, require_own_names

FLOAT_DTYPES = ("F64", "F32", "F16", "BF16")
DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.float32,  # all but the weights of matrix products
}


class Checkpoint:
    """A directory's weights, checked against the model. Raises CheckpointError, WeightMismatch."""

    def __init__(self, directory: str | Path, config: OptConfig) -> None:
        self._directory, self._head_dim = Path(directory), config.head_dim
        stored = model_weights(open_weight_files(directory))
        shapes = {
            name: tuple(memory.shape)
            for name, memory in meta_model(config, torch.float32).weights().items()
        }
        _require_match(shapes, [weight for _, weight in stored])
        self._stored: dict[str, tuple[WeightFile, str]] = {
            weight.name: (file, weight.stored_name) for file, weight in stored
        }

    def slice(self, name: str, layout: Layout) -> Tensor:
        """Return this rank's part of a weight, mapped from its file."""
        file, stored_name = self._stored[name]
        whole, dim = file.tensor(stored_name), split_dim(name)
        if dim is None or layout.tensor_size == 1:
            return whole
        own = layout.share(whole.shape[dim], split_unit(name, self._head_dim))
        return whole.narrow(dim, own.start, len(own))

    def require_tied(self, layout: Layout) -> None:
        """Raise WeightMismatch if a head is stored that is not the embedding."""
        if TIED_HEAD in self._stored and not torch.equal(
            self.slice(TIED_HEAD, layout), self.slice(EMBEDDING, layout)
        ):
            raise WeightMismatch([], [], [f"{TIED_HEAD} differs from the embedding it is tied to"])

    def require_digests(self, layout: Layout) -> None:
        """Hash this rank's part of the tensors, where a conversion left a manifest of hashes.

        Each tensor is hashed whole, by one of the ranks. Raises WeightMismatch.
        """
        manifest = Manifest.find(self._directory)
        if manifest is None:
            return
        own = sorted(self._stored.values(), key=_sort_key)[layout.rank :: layout.ranks]
        damaged = [
            f"{stored_name} in {file.path.name}: its SHA-256 is not {MANIFEST_NAME}'s"
            for file, stored_name in own
            if stored_name in manifest.tensors
            and sha256_of(file.tensor(stored_name)) != manifest.tensors[stored_name]["sha256"]
        ]
        if damaged:
            raise WeightMismatch([], [], [], damaged=damaged)


def _sort_key(stored: tuple[WeightFile, str]) -> tuple[str, str]:
    file, stored_name = stored
    return file.path.name, stored_name


def load_model(
    directory: str | Path,
    config: OptConfig,
    dtype: str,
    device: str,
    layout: Layout = WHOLE,
    reduce: Reduce | None = None,
    *,
    packed: bool = True,
) -> OptModel:
    """Load this rank's part of a checkpoint's model onto a device, with every weight checked.

    packed False leaves all weights plain, as ``OptModel.weights`` lists them.
    """
    torch_dtype = weights_dtype(dtype)
    make = kernel_maker(device, dtype) if packed else None
    checkpoint = Checkpoint(directory, config)
    checkpoint.require_digests(layout)  # before memory is taken for the model
    if layout.is_last_stage:  # the only one that has the head
        checkpoint.require_tied(layout)
    model = meta_model(config, torch_dtype, layout, reduce)
    staging = _Staging()
    for path, module in model.named_modules():
        if make is not None and isinstance(module, VocabTable):
            stored = checkpoint.slice(EMBEDDING, layout)
            module.adopt(stored, torch_dtype)
            if layout.is_last_stage:
                module.pack(staging.cast(stored, torch_dtype), make)
        elif make is not None and isinstance(module, Linear):
            # filled in borrowed memory and packed, so that no plain copy stays
            module.lend(staging.take)
            _fill(path, module, checkpoint, layout)
            module.pack(make)
        else:
            module.to_empty(device=device, recurse=False)
            _fill(path, module, checkpoint, layout)
    return model


class _Staging:
    """A buffer that weights pass through on their way into a packed form.

    One buffer is used again while it is large enough and not far too large. It is mapped from the
    system itself: an allocator that gives and takes one per weight would keep the memory.
    """

    def __init__(self) -> None:
        self._memory = torch.empty(0, dtype=torch.uint8)

    def take(self, like: Tensor) -> Tensor:
        """Return unset memory of a shape and dtype; the memory returned before is void."""
        if not like.nbytes <= len(self._memory) <= 2 * like.nbytes:
            private = mmap.mmap(-1, like.nbytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            self._memory = torch.frombuffer(private, dtype=torch.uint8)
        return self._memory[: like.nbytes].view(like.dtype).view(like.shape)

    def cast(self, stored: Tensor, dtype: torch.dtype) -> Tensor:
        """Return a tensor in this dtype: itself if it has it, else a copy in the buffer."""
        if stored.dtype == dtype:
            return stored
        return self.take(torch.empty_like(stored, dtype=dtype, device="meta")).copy_(stored)


def weights_dtype(dtype: str) -> torch.dtype:
    """Return the dtype of loaded weights, int8's matrices apart. Raises ValueError."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}")
    return DTYPES[dtype]


def _fill(path: str, module: nn.Module, checkpoint: Checkpoint, layout: Layout) -> None:
    for name, memory in weights_of(path, module):
        memory.copy_(checkpoint.slice(name, layout))


def _require_match(shapes: dict[str, tuple[int, ...]], found: list[StoredWeight]) -> None:
    known = {**shapes, TIED_HEAD: shapes[EMBEDDING]}
    require_own_names((weight.stored_name, weight.path) for weight in found)
    names = [weight.name for weight in found]
    absent = sorted(set(shapes) - set(names))
    extra = sorted({weight.stored_name for weight in found if weight.name not in known})
    wrong = [
        sentence
        for weight in found
        if weight.name in known
        for sentence in _unlike(weight, known[weight.name])
    ]
    wrong += [f"{name} is stored twice" for name in sorted(set(names)) if names.count(name) > 1]
    if absent or extra or wrong:
        raise WeightMismatch(absent, extra, wrong)


def _unlike(weight: StoredWeight, shape: tuple[int, ...]) -> Iterator[str]:
    if weight.shape != shape:
        yield f"{weight.stored_name} is {list(weight.shape)}, not {list(shape)}"
    if weight.dtype not in FLOAT_DTYPES:
        yield f"{weight.stored_name} has dtype {weight.dtype}, not {' or '.join(FLOAT_DTYPES)}"
