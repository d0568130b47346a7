"""Save and restore the trainer's checkpoint: weights, AdamW's moments and the step, in one file.

Every random draw of a step is a function of (seed, step), so no generator's state is saved. A
digest over everything reveals a checkpoint that something else has changed.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from inference.errors import Diverged, TrainError
from inference.model.export import write_whole
from inference.model.safetensors_writer import tensor_bytes
from inference.training.loss_scale import LossScale
from inference.training.model.decoder import TrainedOpt
from inference.training.optimizer import MOMENTS, AdamW
from inference.training.parallel.parts import fill

FILE_NAME = "training-state.safetensors"
REMEDY = "put the file back as it was, or begin anew in another --out"


@dataclass(frozen=True)
class TrainingProgress:
    """The number of steps done, and the settings, corpus and tokenizer files of all of them."""

    step: int
    settings: dict[str, Any]
    corpus_sha256: str
    tokenizer_sha256: dict[str, str]
    loss_scale: dict[str, float] = field(default_factory=dict)

    def restore_scale(self, scale: LossScale, optimizer: AdamW) -> None:
        """Set float16's scale as it was, and the number of steps that didn't overflow."""
        if scale.is_dynamic and self.loss_scale:
            scale.value = float(self.loss_scale["value"])
            scale.fitting = int(self.loss_scale["fitting"])
            optimizer.steps = int(self.loss_scale["updates"])


def noted_scale(scale: LossScale, optimizer: AdamW) -> dict[str, float]:
    """Return what a checkpoint notes of a scale: nothing of one that never changes."""
    if not scale.is_dynamic:
        return {}
    return {"value": scale.value, "fitting": scale.fitting, "updates": optimizer.steps}


def save_state(
    directory: Path, progress: TrainingProgress, model: TrainedOpt, optimizer: AdamW
) -> None:
    """Write the state; a crash while writing leaves the one before in place.

    Raises Diverged, and writes nothing, if a number isn't finite.
    """
    tensors = state_tensors(model, optimizer)
    names = (name for name, tensor in tensors.items() if not tensor.isfinite().all())
    infinite = next(names, None)
    if infinite is not None:
        raise Diverged(
            f"{infinite} is not finite after step {progress.step}; train with a lower rate"
        )
    about = {name: json.dumps(value) for name, value in asdict(progress).items()}
    about["digest"] = _digest(about, tensors)
    write_whole(directory / FILE_NAME, lambda path: save_file(tensors, path, metadata=about))


def read_progress(directory: Path) -> TrainingProgress | None:
    """Read how far the run in a directory came; None if it wrote no checkpoint of one rank."""
    path = directory / FILE_NAME
    return parse_progress(path, _read_metadata(path)) if path.exists() else None


def restore_state(directory: Path, model: TrainedOpt, optimizer: AdamW) -> None:
    """Restore weights, moments and the step.

    Raises TrainError, and changes nothing, if the file isn't as the trainer wrote it.
    """
    path, wanted = directory / FILE_NAME, state_tensors(model, optimizer)
    about, tensors = _read_metadata(path), _read_tensors(path)
    _require_shapes(path, wanted, tensors)
    _require_numbers(path, tensors)
    digest = about.pop("digest", None)
    if digest != _digest(about, tensors):
        raise TrainError(f"{path} was changed since it was written: its digest differs; {REMEDY}")
    for name, tensor in wanted.items():
        fill(tensor, tensors[name])
    optimizer.steps = json.loads(about["step"])


def remove_state(directory: Path) -> None:
    """Remove the trainer's checkpoint, once the run is complete and exported."""
    (directory / FILE_NAME).unlink(missing_ok=True)


def state_tensors(model: TrainedOpt, optimizer: AdamW) -> dict[str, Tensor]:
    """Return the memory of all tensors that are saved, by their names in the file."""
    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[f"weight.{name}"] = parameter.data
        for moment in MOMENTS if name in optimizer.moments[MOMENTS[0]] else ():
            tensors[f"{moment}.{name}"] = optimizer.moments[moment][name]
    return tensors


def _digest(about: dict[str, str], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensor_bytes(tensors[name]))
    return digest.hexdigest()


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise TrainError(f"{path} is damaged or cannot be read ({error}); {REMEDY}") from error


def _read_metadata(path: Path) -> dict[str, str]:
    with _damage_named(path), safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _read_tensors(path: Path) -> dict[str, Tensor]:
    with _damage_named(path), safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping


def parse_progress(path: Path, metadata: dict[str, str]) -> TrainingProgress:
    fields = {}
    for name, (kind, described) in _FIELDS.items():
        if name not in metadata and name in _LATER:
            continue
        try:
            fields[name] = json.loads(metadata[name])
        except KeyError:
            raise TrainError(f"{path} lacks {name} in its metadata; {REMEDY}") from None
        except (ValueError, RecursionError):
            raise TrainError(f"{path}: {name} in its metadata is not JSON; {REMEDY}") from None
        if type(fields[name]) is not kind:
            raise TrainError(f"{path}: {name} in its metadata must be {described}; {REMEDY}")
    return TrainingProgress(**fields)


_FIELDS: dict[str, tuple[type, str]] = {
    "step": (int, "a whole number"),
    "settings": (dict, "an object"),
    "corpus_sha256": (str, "a text"),
    "tokenizer_sha256": (dict, "an object"),
    "loss_scale": (dict, "an object"),
}
_LATER = ("loss_scale",)  # which checkpoints of earlier versions lack


def _require_shapes(path: Path, wanted: dict[str, Tensor], tensors: dict[str, Tensor]) -> None:
    for name in sorted(wanted.keys() ^ tensors.keys()):
        fault = "lacks" if name in wanted else "has the unknown"
        raise TrainError(f"{path} {fault} {name}; {REMEDY}")
    for name, tensor in wanted.items():
        stored = tensors[name]
        if (stored.shape, stored.dtype) != (tensor.shape, tensor.dtype):
            raise TrainError(
                f"{path}: {name} is {stored.dtype} {list(stored.shape)}, where the settings make "
                f"{tensor.dtype} {list(tensor.shape)}; {REMEDY}"
            )


def _require_numbers(path: Path, tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise TrainError(f"{path}: {name} holds NaN or infinity, so it is damaged; {REMEDY}")
