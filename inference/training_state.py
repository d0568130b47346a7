"""The trainer's own checkpoint: weights, AdamW's moments and the step, in one safetensors file.

Every random draw of a step follows from (seed, step), so no generator's state is kept.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from inference.errors import TrainError
from inference.export import write_whole
from inference.opt import OptModel
from inference.optimizer import MOMENTS, AdamW

FILE_NAME = "training-state.safetensors"


@dataclass(frozen=True)
class Progress:
    """Steps done, with the settings and corpus they were done with."""

    step: int
    settings: dict[str, Any]
    corpus_sha256: str


def save_state(directory: Path, progress: Progress, model: OptModel, optimizer: AdamW) -> None:
    """Write the state; a crash while writing leaves the one before."""
    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[f"weight.{name}"] = parameter.data.contiguous()
        for moment in MOMENTS:
            tensors[f"{moment}.{name}"] = optimizer.moments[moment][name]
    about = {
        "step": str(progress.step),
        "settings": json.dumps(progress.settings),
        "corpus_sha256": progress.corpus_sha256,
    }
    write_whole(directory / FILE_NAME, lambda path: save_file(tensors, path, metadata=about))


def read_progress(directory: Path) -> Progress | None:
    """How far the run in directory came; None where no checkpoint was written."""
    path = directory / FILE_NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
        return Progress(int(about["step"]), json.loads(about["settings"]), about["corpus_sha256"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainError(
            f"{path} is damaged ({error}); remove the folder and begin anew"
        ) from error


def restore_state(directory: Path, step: int, model: OptModel, optimizer: AdamW) -> None:
    """Put weights and moments back as they were after step steps."""
    with safe_open(directory / FILE_NAME, framework="pt") as file:
        for name, parameter in model.named_parameters():
            parameter.data.copy_(file.get_tensor(f"weight.{name}"))
            for moment in MOMENTS:
                optimizer.moments[moment][name].copy_(file.get_tensor(f"{moment}.{name}"))
    optimizer.steps = step


def remove_state(directory: Path) -> None:
    """Forget the trainer's checkpoint: the run is complete and exported."""
    (directory / FILE_NAME).unlink(missing_ok=True)
