"""Train a small OPT on the standard library's sources, and keep the run's logbook.

An interrupted run goes on from its last checkpoint to the very losses of an undisturbed one
(same machine, same number of threads).
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from inference.training.checkpoint import TrainingProgress, remove_state, restore_state, save_state
from inference.training.data import Corpus, collect_corpus, encode_texts, train_tokenizer
from inference.training.folder import (
    SHARDS,
    find_progress,
    is_finished,
    require_tokenizer,
    result_digests,
    tokenizer_digests,
)
from inference.training.folder_lock import hold_folder
from inference.training.logbook import Logbook
from inference.training.settings import TrainSettings
from inference.training.step import Learner, StepFigures
from inference.training.stop_signals import StopSignals
from inference.training.storage_errors import storage_fault, storage_faults_named

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainOptions:
    """The options that don't change losses: files, reports and inputs of the energy estimate."""

    out: Path
    shards: int = 2
    max_shard_bytes: int = MAX_SHARD_BYTES
    checkpoint_every: int = 50
    log_every: int = 10
    progress_bar: bool = True
    must_resume: bool = False
    energy: EnergyInputs = field(default_factory=EnergyInputs)


@dataclass
class TrainingRun:
    """One run of the trainer: its parts, and how far it has come."""

    settings: TrainSettings
    options: TrainOptions
    say: Say
    stops: StopSignals
    corpus: Corpus
    logbook: Logbook
    step: int  # the last one done
    saved: int  # the last one of which a checkpoint was written


def train(settings: TrainSettings, options: TrainOptions, say: Say) -> None:
    """Train, or go on training, into options.out, which no other trainer may use meanwhile.

    The signals in ``stop_signals.MEANINGS`` raise Stopped once the step is done and saved. Raises
    TrainError saying what to do.
    """
    stops = StopSignals()
    with stops.handled(), storage_faults_named(options.out), hold_folder(options.out, say):
        if is_finished(options.out, settings):
            remove_state(options.out)
            say(f"{options.out} holds a finished run of {settings.steps} steps; nothing to do")
        else:
            _train(settings, options, stops, say)


def _train(settings: TrainSettings, options: TrainOptions, stops: StopSignals, say: Say) -> None:
    """Check everything that may be refused, then record the start in the logbook and train."""
    _require_shardable(settings, options)
    progress = find_progress(options.out, settings, must_resume=options.must_resume)
    with stops.at_once():
        say("collecting the corpus")
        corpus = collect_corpus(settings.corpus_bytes)
    learner = _resume(options.out, progress, corpus, settings) if progress else None
    # the logbook is opened only after all checks: a refused start is no launch or restart
    start = progress.step if progress else 0
    logbook = logbook_entries.open_logbook(options.out, start, settings.tokens_after(start))
    run = TrainingRun(settings, options, say, stops, corpus, logbook, start, start)
    with _stops_recorded(run):
        logbook_entries.record_setting(logbook, settings)
        _learn(run, learner)


def _resume(
    out: Path, progress: TrainingProgress, corpus: Corpus, settings: TrainSettings
) -> Learner:
    """Build the learner as it was after progress.step, if nothing has changed since."""
    if progress.corpus_sha256 != corpus.sha256:
        raise TrainError(
            f"the standard library has changed since the checkpoint in {out}: go on with the "
            "Python that it was begun with, or begin anew in another --out"
        )
    require_tokenizer(out, progress)
    learner = Learner(settings.config(Tokenizer.from_directory(out).vocab_size), settings)
    restore_state(out, learner.model, learner.optimizer)
    return learner


def _learn(run: TrainingRun, learner: Learner | None) -> None:
    """Train from where learner is, or from the beginning, to the exported checkpoint."""
    settings, corpus, out = run.settings, run.corpus, run.options.out
    with run.stops.at_once():
        if learner is None:
            run.say("training the tokenizer")
            tokenizer = train_tokenizer(corpus.learned, settings.vocab_size, out)
        else:
            run.say(f"going on from the checkpoint of step {run.step}")
            tokenizer = Tokenizer.from_directory(out)
        learned = encode_texts(tokenizer, corpus.learned)
        held_out = encode_texts(tokenizer, corpus.held_out)
    vocab_size = tokenizer.vocab_size
    logbook_entries.record_data(run.logbook, corpus, len(learned), len(held_out), vocab_size)
    learner = learner or Learner(settings.config(vocab_size), settings)
    figures = _do_steps(run, learner, learned)
    _finish(run, learner, held_out, figures)
    run.say(f"finished; the checkpoint is in {out}")


def _do_steps(run: TrainingRun, learner: Learner, learned: Tensor) -> StepFigures | None:
    """Do the steps that are left; a stop waits until its step is done and saved."""
    settings, options, figures = run.settings, run.options, None
    began, tokens_since = time.monotonic(), 0
    run.stops.check()
    with tqdm(
        total=settings.steps, initial=run.step, unit="step",
        disable=not (options.progress_bar and is_watched(sys.stderr)),
    ) as bar:  # fmt: skip
        for done in range(run.step + 1, settings.steps + 1):
            figures = learner.learn(learned, done - 1)
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
            if done % options.checkpoint_every == 0 or last or run.stops.received is not None:
                _save(run, learner)
            run.stops.check()  # after the checkpoint, so that a stop loses no step
    return figures


def _save(run: TrainingRun, learner: Learner) -> None:
    tokenizer = tokenizer_digests(run.options.out)
    progress = TrainingProgress(run.step, run.settings.as_dict(), run.corpus.sha256, tokenizer)
    save_state(run.options.out, progress, learner.model, learner.optimizer)
    run.saved = run.step
    run.say(f"step {run.step}: checkpoint written")


def _finish(
    run: TrainingRun, learner: Learner, held_out: Tensor, figures: StepFigures | None
) -> None:
    """Evaluate and export, which a stop breaks off: both are done anew from the checkpoint."""
    settings, options = run.settings, run.options
    with run.stops.at_once():
        held_out_loss = learner.evaluate(held_out)
        if not math.isfinite(held_out_loss):
            raise Diverged("the loss on held-out text is not finite; lower the learning rate")
        written = export_model(
            options.out,
            learner.model.config,
            learner.model.weights(),
            shards=options.shards,
            max_shard_bytes=options.max_shard_bytes,
        )
    for path in set(options.out.glob(SHARDS)) - set(written):
        path.unlink()  # of an export that was broken off, into another number of shards
    logbook_entries.record_evaluation(
        run.logbook, settings.steps, held_out_loss, settings.held_out_windows, settings.window
    )
    logbook_entries.record_energy(run.logbook, options.energy)
    loss = figures.loss if figures else held_out_loss
    tokens, files = settings.tokens_after(settings.steps), result_digests(options.out)
    logbook_entries.record_end(run.logbook, settings, tokens, loss, files)
    remove_state(options.out)  # last: until the end is recorded, the run can be resumed


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


def _require_shardable(settings: TrainSettings, options: TrainOptions) -> None:
    """Refuse before the first step what the export would refuse after the last one."""
    weights = meta_model(settings.config(settings.vocab_size), torch.float32).weights()
    split_weights(weights, options.shards, options.max_shard_bytes)


def _require_finite(figures: StepFigures, step: int) -> None:
    if not (math.isfinite(figures.loss) and math.isfinite(figures.grad_norm)):
        raise Diverged(f"the loss is not finite at step {step}; lower the learning rate")


def use_threads(count: int | None) -> None:
    """Set torch's threads; None leaves them."""
    if count is not None:
        torch.set_num_threads(count)
