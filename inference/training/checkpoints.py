"""Save a run's checkpoints and go on from the newest, whichever number of ranks wrote it.

One rank writes one file that a digest protects; several write a folder by
torch.distributed.checkpoint, in the background.
"""

from pathlib import Path
from typing import Any

from inference.training.checkpoint import (
    TrainingProgress,
    noted_scale,
    read_progress,
    remove_state,
    restore_state,
    save_state,
)
from inference.training.parallel.ranks import Ranks
from inference.training.step import Learner

FOLDER_NAME = ".checkpoints"  # of several ranks; hidden, so that publishing leaves it out


def newest_progress(directory: Path) -> TrainingProgress | None:
    """Read how far the run in a directory came; None if it wrote no checkpoint."""
    return max(
        filter(None, (read_progress(directory), _sharded_progress(directory))),
        key=lambda progress: progress.step,
        default=None,
    )


def restore(directory: Path, progress: TrainingProgress, learner: Learner) -> None:
    """Set weights, moments, step and scale as the newest checkpoint has them."""
    sharded = _sharded_progress(directory)
    if sharded is not None and sharded.step == progress.step:
        from inference.training.parallel.sharded import newest_checkpoint, restore_sharded

        folder = newest_checkpoint(directory)
        assert folder is not None  # noqa: S101 - for mypy: its progress was read just now
        restore_sharded(folder, learner.model, learner.optimizer)
    else:
        restore_state(directory, learner.model, learner.optimizer)
    progress.restore_scale(learner.scale, learner.optimizer)


def remove_all(directory: Path) -> None:
    """Remove all checkpoints, once the run is complete and exported."""
    remove_state(directory)
    if (directory / FOLDER_NAME).exists():
        from inference.training.parallel.sharded import remove_sharded

        remove_sharded(directory)


class Checkpoints:
    """Writes the checkpoints of a run as its number of ranks asks for."""

    def __init__(self, directory: Path, ranks: Ranks) -> None:
        self._directory, self._ranks = directory, ranks
        self._writer: Any = None
        self._written = 0
        if ranks.size > 1:
            from inference.training.parallel.sharded import ShardedWriter

            self._writer = ShardedWriter(directory, ranks)

    def save(self, learner: Learner, step: int, about: dict[str, Any]) -> None:
        """Write a checkpoint, or begin to, and remove those before it.

        about: settings and digests, by the names of TrainingProgress' fields.
        """
        scale = noted_scale(learner.scale, learner.optimizer)
        progress = TrainingProgress(step=step, loss_scale=scale, **about)
        if self._writer is not None:
            self._writer.save(progress, learner.model, learner.optimizer)
            return
        save_state(self._directory, progress, learner.model, learner.optimizer)
        self._written = step
        if (self._directory / FOLDER_NAME).exists():  # of several ranks, before this one
            from inference.training.parallel.sharded import remove_sharded

            remove_sharded(self._directory)

    @property
    def written(self) -> int:
        """Step of the last checkpoint that is whole; 0 if this run wrote none."""
        return self._written if self._writer is None else int(self._writer.written)

    def finish(self) -> None:
        """Wait until the last checkpoint is whole."""
        if self._writer is not None:
            self._writer.finish()


def _sharded_progress(directory: Path) -> TrainingProgress | None:
    if not (directory / FOLDER_NAME).is_dir():
        return None
    from inference.training.parallel.sharded import newest_checkpoint, read_sharded_progress

    folder = newest_checkpoint(directory)
    return None if folder is None else read_sharded_progress(folder)
