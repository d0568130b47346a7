"""Train an OPT, and keep the run's logbook.

An interrupted run goes on from its last checkpoint to the very losses of an undisturbed one
(same machine, same number of threads).
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from inference.errors import Diverged, Stopped, TrainError
from inference.model.export import MAX_SHARD_BYTES, export_model, split_weights
from inference.model.opt import meta_model
from inference.plan.energy import EnergyInputs
from inference.terminal import is_watched
from inference.tokenizer import Tokenizer
from inference.training import logbook_entries
from inference.training.checkpoint import TrainingProgress
from inference.training.checkpoints import Checkpoints, remove_all, restore
from inference.training.data import DataOptions, RunData, open_data
from inference.training.folder import (
    SHARDS,
    find_progress,
    is_finished,
    require_tokenizer,
    result_digests,
    tokenizer_digests,
)
from inference.training.folder_lock import hold_folder
from inference.training.logbook import Logbook, SilentLogbook
from inference.training.loss_scale import LEAST as LEAST_SCALE
from inference.training.model.decoder import PREFIX
from inference.training.parallel.parts import whole
from inference.training.parallel.ranks import Ranks, joined
from inference.training.recipe import RecipeSettings
from inference.training.settings import TrainSettings
from inference.training.step import Examples, Learner, StepFigures
from inference.training.stop_signals import StopSignals
from inference.training.storage_errors import storage_fault, storage_faults_named

Say = Callable[[str], None]
Settings = TrainSettings | RecipeSettings


@dataclass(frozen=True)
class TrainOptions:
    """The options that don't change losses: files, reports and inputs of the energy estimate.

    recompute: whether layers' activations are computed anew going backward, to save memory.
    """

    out: Path
    shards: int = 2
    max_shard_bytes: int = MAX_SHARD_BYTES
    checkpoint_every: int = 50
    log_every: int = 10
    progress_bar: bool = True
    must_resume: bool = False
    energy: EnergyInputs = field(default_factory=EnergyInputs)
    data: DataOptions = field(default_factory=DataOptions)
    tensor_size: int = 1
    recompute: bool = False


@dataclass
class TrainingRun:
    """One run of the trainer: its parts, and how far it has come."""

    settings: Settings
    options: TrainOptions
    say: Say
    stops: StopSignals
    ranks: Ranks
    data: RunData
    logbook: Logbook
    checkpoints: Checkpoints
    step: int  # the last one done
    saved: int  # the last one of which a checkpoint was written


def train(settings: Settings, options: TrainOptions, say: Say) -> None:
    """Train, or go on training, into options.out, which no other trainer may use meanwhile.

    The signals in ``stop_signals.MEANINGS`` raise Stopped once the step is done and saved. Raises
    TrainError saying what to do.
    """
    stops = StopSignals()
    with stops.handled(), storage_faults_named(options.out), joined(options.tensor_size) as ranks:
        tell = say if ranks.is_first else _say_nothing
        with ExitStack() as stack:
            ranks.agreed(lambda: stack.enter_context(hold_folder(options.out, tell)))
            if ranks.agreed(lambda: is_finished(options.out, settings)):
                ranks.agreed(lambda: remove_all(options.out))
                tell(f"{options.out} holds a finished run of {settings.steps} steps; nothing to do")
            else:
                _train(settings, options, stops, ranks, tell)


def _say_nothing(sentence: str) -> None:
    """Leave speaking to rank 0."""


def _train(
    settings: Settings, options: TrainOptions, stops: StopSignals, ranks: Ranks, say: Say
) -> None:
    """Check everything that may be refused, then record the start in the logbook and train."""
    _require_shardable(settings, options)
    out = options.out
    progress = ranks.agreed(lambda: find_progress(out, settings, must_resume=options.must_resume))
    with stops.at_once():
        data = open_data(settings, options.data, out, ranks, say)
    learner = _resume(options, progress, data, settings, ranks) if progress else None
    # the logbook is opened only after all checks: a refused start is no launch or restart
    start = progress.step if progress else 0
    logbook = ranks.agreed(
        lambda: logbook_entries.open_logbook(out, start, settings.tokens_after(start))
    )
    if not ranks.is_first:
        logbook = SilentLogbook(logbook.path)
    checkpoints = Checkpoints(out, ranks)
    run = TrainingRun(
        settings, options, say, stops, ranks, data, logbook, checkpoints, start, start
    )
    with _stops_recorded(run):
        logbook_entries.record_setting(logbook, settings, ranks)
        _learn(run, learner)


def _resume(
    options: TrainOptions,
    progress: TrainingProgress,
    data: RunData,
    settings: Settings,
    ranks: Ranks,
) -> Learner:
    """Build the learner as it was after progress.step, if nothing has changed since."""
    if progress.corpus_sha256 != data.sha256:
        raise TrainError(data.changed)
    require_tokenizer(options.out, progress)
    config = data.config(Tokenizer.from_directory(options.out))
    learner = Learner(config, settings, ranks, recompute=options.recompute)
    restore(options.out, progress, learner)
    return learner


def _learn(run: TrainingRun, learner: Learner | None) -> None:
    """Train from where learner is, or from the beginning, to the exported checkpoint."""
    settings, data, out, ranks = run.settings, run.data, run.options.out, run.ranks
    with run.stops.at_once():
        if learner is None:
            ranks.agreed(lambda: _make_tokenizer(run))
        else:
            run.say(f"going on from the checkpoint of step {run.step}")
        tokenizer = Tokenizer.from_directory(out)
        examples = data.examples(tokenizer, ranks)
    data.record(run.logbook)
    learner = learner or Learner(
        data.config(tokenizer), settings, ranks, recompute=run.options.recompute
    )
    figures = _do_steps(run, learner, examples)
    _finish(run, learner, examples, figures)
    run.say(f"finished; the checkpoint is in {out}")


def _make_tokenizer(run: TrainingRun) -> None:
    run.data.tokenizer(run.options.out, run.say)


def _do_steps(run: TrainingRun, learner: Learner, examples: Examples) -> StepFigures | None:
    """Do the steps that are left; a stop waits until its step is done and saved."""
    settings, options, figures = run.settings, run.options, None
    began, tokens_since = time.monotonic(), 0
    run.stops.check()
    with tqdm(
        total=settings.steps, initial=run.step, unit="step",
        disable=not (options.progress_bar and run.ranks.is_first and is_watched(sys.stderr)),
    ) as bar:  # fmt: skip
        for done in range(run.step + 1, settings.steps + 1):
            figures = learner.learn(examples, done - 1)
            _require_finite(figures, done)
            run.step = done
            tokens_since += figures.tokens
            bar.set_postfix(loss=f"{figures.loss:.3f}", refresh=False)
            bar.update()
            last = done == settings.steps
            if done % options.log_every == 0 or last:
                speed = tokens_since / max(time.monotonic() - began, 1e-9)
                tokens = settings.tokens_after(done)
                logbook_entries.record_update(run.logbook, done, tokens, figures, speed)
                began, tokens_since = time.monotonic(), 0
            _hear_of_stops(run)
            _hear_of_checkpoints(run)
            if done % options.checkpoint_every == 0 or last or run.stops.received is not None:
                _save(run, learner)
            run.stops.check()  # after the checkpoint, so that a stop loses no step
    return figures


def _hear_of_stops(run: TrainingRun) -> None:
    """Take a signal that any rank received as received by all, so that all stop after one step."""
    received = torch.tensor([float(run.stops.received or 0)], device=run.ranks.device)
    number = int(run.ranks.largest(received))
    if number and run.stops.received is None:
        run.stops.received = number


def _save(run: TrainingRun, learner: Learner) -> None:
    about = {
        "settings": run.settings.as_dict(),
        "corpus_sha256": run.data.sha256,
        "tokenizer_sha256": tokenizer_digests(run.options.out),
    }
    run.checkpoints.save(learner, run.step, about)
    if run.stops.received is not None or run.step == run.settings.steps:
        run.checkpoints.finish()
    _hear_of_checkpoints(run)


def _hear_of_checkpoints(run: TrainingRun) -> None:
    """Note and say which checkpoint has become whole; several ranks write in the background."""
    written = run.checkpoints.written
    if written > run.saved:
        run.saved = written
        run.say(f"step {written}: checkpoint written")


def _finish(
    run: TrainingRun, learner: Learner, examples: Examples, figures: StepFigures | None
) -> None:
    """Evaluate and export, which a stop breaks off: both are done anew from the checkpoint."""
    settings, options = run.settings, run.options
    with run.stops.at_once():
        held_out_loss = learner.evaluate(examples)
        if not math.isfinite(held_out_loss):
            raise Diverged("the loss on held-out text is not finite; lower the learning rate")
        weights = _gathered(learner)
        run.ranks.agreed(lambda: _export(options, learner, weights))
    windows = [window.length for window in examples.held_out() for _ in range(window.count)]
    logbook_entries.record_evaluation(
        run.logbook, settings.steps, held_out_loss, len(windows), windows[0]
    )
    logbook_entries.record_energy(run.logbook, options.energy)
    loss = figures.loss if figures else held_out_loss
    tokens = settings.tokens_after(settings.steps)
    files = run.ranks.agreed(lambda: result_digests(options.out))
    logbook_entries.record_end(run.logbook, settings, tokens, loss, files)
    # last: until the end is recorded, the run can be resumed
    run.ranks.agreed(lambda: remove_all(options.out))


def _gathered(learner: Learner) -> dict[str, Tensor]:
    """Gather the weights by their names in checkpoints, on rank 0; other ranks keep none."""
    weights = {}
    for name, parameter in learner.model.named_parameters():
        gathered = whole(parameter.data)
        if learner.ranks.is_first:
            weights[PREFIX + name] = gathered.cpu()
    return weights


def _export(options: TrainOptions, learner: Learner, weights: dict[str, Tensor]) -> None:
    written = export_model(
        options.out,
        learner.model.config,
        weights,
        shards=options.shards,
        max_shard_bytes=options.max_shard_bytes,
    )
    for path in set(options.out.glob(SHARDS)) - set(written):
        path.unlink()  # of an export that was broken off, into another number of shards


@contextmanager
def _stops_recorded(run: TrainingRun) -> Iterator[None]:
    """Record why the run ends, if it ends before its last step, and raise the error again."""
    try:
        yield
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else None
        _record(run, *logbook_entries.stop_by_signal(number, run.step, run.saved))
        raise
    except Diverged as error:
        _record(run, "crash", "divergence", f"{error}.")
        raise
    except Exception as error:
        fault = storage_fault(error)
        if fault:
            _record(run, "crash", "storage", f"A file could not be read or written: {fault}.")
        else:
            _record(run, "crash", "other", f"Training failed with {type(error).__name__}.")
        raise


def _record(run: TrainingRun, kind: str, cause: str, why: str) -> None:
    try:
        logbook_entries.record_stop(run.logbook, run.step, kind, cause, why)
    except OSError as error:  # the next start finds a crash of unknown cause
        run.say(f"the logbook in {run.options.out} could not be written: {error.strerror}")
    run.say(why)


def _require_shardable(settings: Settings, options: TrainOptions) -> None:
    """Refuse before the first step what the export would refuse after the last one."""
    if isinstance(settings, RecipeSettings):  # of which the vocabulary isn't known yet
        return
    weights = meta_model(settings.config(settings.vocab_size), torch.float32).weights()
    split_weights(weights, options.shards, options.max_shard_bytes)


def _require_finite(figures: StepFigures, step: int) -> None:
    if figures.skipped:
        if figures.loss_scale < LEAST_SCALE:
            raise Diverged(f"gradients overflow at any loss scale at step {step}")
        return
    if not (math.isfinite(figures.loss) and math.isfinite(figures.grad_norm)):
        raise Diverged(f"the loss is not finite at step {step}; lower the learning rate")


def use_threads(count: int | None) -> None:
    """Set torch's threads; None leaves them."""
    if count is not None:
        torch.set_num_threads(count)
