"""Save and restore a training of several ranks by torch.distributed.checkpoint.

Each rank writes its parts while training goes on, and any number of ranks, one too, reads them
again. A checkpoint is complete once torch has written ``.metadata``, which it does last.
"""

import json
import pickle
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save

from inference.errors import Diverged, TrainError
from inference.model.export import write_json
from inference.model_files.json_files import read_object
from inference.training.checkpoint import REMEDY, TrainingProgress, state_tensors
from inference.training.model.decoder import TrainedOpt
from inference.training.optimizer import AdamW
from inference.training.parallel.parts import local
from inference.training.parallel.ranks import Ranks

FOLDER_NAME = ".checkpoints"  # hidden: publishing leaves it out
PROGRESS_NAME = "progress.json"
COMPLETE_NAME = ".metadata"


def newest_checkpoint(directory: Path) -> Path | None:
    """Return the folder of the last complete checkpoint of several ranks."""
    complete = [
        folder
        for folder in (directory / FOLDER_NAME).glob("step-*")
        if (folder / COMPLETE_NAME).is_file() and (folder / PROGRESS_NAME).is_file()
    ]
    return max(complete, key=lambda folder: int(folder.name.partition("-")[2]), default=None)


def read_sharded_progress(folder: Path) -> TrainingProgress:
    """Read how far the run had come. Raises TrainError."""
    try:
        return TrainingProgress(**read_object(folder / PROGRESS_NAME, TrainError))
    except TypeError as error:
        raise TrainError(f"{folder / PROGRESS_NAME} is damaged ({error}); {REMEDY}") from None


def restore_sharded(folder: Path, model: TrainedOpt, optimizer: AdamW) -> None:
    """Restore this rank's parts of weights and moments, whoever wrote them."""
    state: dict[str, Any] = dict(state_tensors(model, optimizer))
    try:
        load(state, checkpoint_id=folder, no_dist=not dist.is_initialized())
    except (CheckpointException, RuntimeError, OSError, pickle.UnpicklingError) as error:
        raise TrainError(f"{folder} is damaged or of other settings ({error}); {REMEDY}") from error
    optimizer.steps = read_sharded_progress(folder).step


class ShardedWriter:
    """Writes checkpoints in the background, one at a time, and removes those before."""

    def __init__(self, directory: Path, ranks: Ranks) -> None:
        self._folder, self._ranks = directory / FOLDER_NAME, ranks
        # a group of its own: its calls would else mingle with those of training
        self._group = dist.new_group(backend="gloo")
        self._saving: Any = None
        self._current: Path | None = None
        self._step = self._written = 0

    @property
    def written(self) -> int:
        """Step of the last checkpoint that is whole, as far as this rank knows."""
        if self._saving is not None and self._saving.done() and self._saving.exception() is None:
            self._written = self._step
        return self._written

    def save(self, progress: TrainingProgress, model: TrainedOpt, optimizer: AdamW) -> None:
        """Begin to write a checkpoint, after the one before is whole.

        Raises Diverged on every rank, and writes nothing, if a number isn't finite.
        """
        self.finish()
        state = state_tensors(model, optimizer)
        self._require_finite(progress.step, state)
        folder = self._folder / f"step-{progress.step}"
        self._ranks.agreed(lambda: self._begin(folder, progress))
        self._saving = async_save(state, checkpoint_id=folder, process_group=self._group)
        self._current, self._step = folder, progress.step

    def finish(self) -> None:
        """Wait until the checkpoint that is being written is whole, and remove older ones."""
        if self._saving is None:
            return
        self._saving.result()
        self._saving, self._written = None, self._step
        self._ranks.wait()
        if self._ranks.is_first:
            for folder in self._folder.glob("step-*"):
                if folder != self._current:
                    shutil.rmtree(folder)

    def _begin(self, folder: Path, progress: TrainingProgress) -> None:
        if folder.exists():  # of a run that was killed while it wrote
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        write_json(folder / PROGRESS_NAME, json.loads(json.dumps(asdict(progress))))

    def _require_finite(self, step: int, state: dict[str, Tensor]) -> None:
        infinite = [name for name, tensor in state.items() if not local(tensor).isfinite().all()]
        [count] = self._ranks.sums(torch.tensor([float(len(infinite))], device=self._ranks.device))
        if count:
            name = infinite[0] if infinite else "a weight of another rank"
            raise Diverged(f"{name} is not finite after step {step}; train with a lower rate")


def remove_sharded(directory: Path) -> None:
    """Remove all checkpoints of several ranks, once the run is complete and exported."""
    shutil.rmtree(directory / FOLDER_NAME, ignore_errors=True)
