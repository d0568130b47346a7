"""Trains a small OPT on the standard library's sources, and keeps the run's logbook.

An interrupted run goes on from its last checkpoint to the very losses of an undisturbed one
(same machine, same number of threads).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from inference import chronicle
from inference.data import Corpus, collect_corpus, encode_texts, train_tokenizer
from inference.energy import EnergyInputs
from inference.errors import TrainError
from inference.export import MAX_SHARD_BYTES, export_model
from inference.learning import Learner, StepFigures
from inference.logbook import Logbook, read_logbook
from inference.settings import TrainSettings
from inference.tokenizer import Tokenizer
from inference.training_state import (
    Progress,
    read_progress,
    remove_state,
    restore_state,
    save_state,
)

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainOptions:
    """What does not change the losses: files, reports and the energy estimate's inputs."""

    out: Path
    shards: int = 2
    max_shard_bytes: int = MAX_SHARD_BYTES
    checkpoint_every: int = 50
    log_every: int = 10
    progress_bar: bool = True
    must_resume: bool = False
    energy: EnergyInputs = field(default_factory=EnergyInputs)


@dataclass(frozen=True)
class Material:
    """The corpus as tokens [tokens] int64, with its tokenizer."""

    corpus: Corpus
    tokenizer: Tokenizer
    learned: Tensor
    held_out: Tensor


def train(settings: TrainSettings, options: TrainOptions, say: Say) -> None:
    """Train, or go on training, into options.out. Raises TrainError saying what to do."""
    options.out.mkdir(parents=True, exist_ok=True)
    if _is_finished(options.out, settings):
        remove_state(options.out)
        say(f"{options.out} holds a finished run of {settings.steps} steps; nothing to do")
        return
    progress = read_progress(options.out)
    _require_resumable(progress, settings, options)
    start = progress.step if progress else 0
    logbook = chronicle.open_logbook(options.out, start, settings.tokens_after(start))
    chronicle.record_setting(logbook, settings)
    say("collecting the corpus and training the tokenizer")
    material = prepare(settings, options.out, logbook, resumed=progress is not None)
    if progress and progress.corpus_sha256 != material.corpus.sha256:
        raise TrainError("the standard library has changed since the checkpoint; begin anew")
    learner = Learner(settings.config(material.tokenizer.vocab_size), settings)
    if progress:
        restore_state(options.out, start, learner.model, learner.optimizer)
        say(f"going on from the checkpoint of step {start}")
    figures = _run(learner, material, options, logbook, start, say)
    _finish(learner, material, options, logbook, figures)
    say(f"finished; the checkpoint is in {options.out}")


def prepare(
    settings: TrainSettings, out: Path, logbook: Logbook, *, resumed: bool = False
) -> Material:
    """Collect the corpus, train its tokenizer into out (or take the resumed run's), and encode."""
    corpus = collect_corpus(settings.corpus_bytes)
    if resumed:
        tokenizer = Tokenizer.from_directory(out)
    else:
        tokenizer = train_tokenizer(corpus.learned, settings.vocab_size, out)
    learned = encode_texts(tokenizer, corpus.learned)
    held_out = encode_texts(tokenizer, corpus.held_out)
    chronicle.record_data(logbook, corpus, len(learned), len(held_out), tokenizer.vocab_size)
    return Material(corpus, tokenizer, learned, held_out)


def _run(
    learner: Learner,
    material: Material,
    options: TrainOptions,
    logbook: Logbook,
    start: int,
    say: Say,
) -> StepFigures | None:
    """Do the steps from start on; a stop on the way is recorded and raised again."""
    try:
        return _steps(learner, material, options, logbook, start, say)
    except KeyboardInterrupt:
        why = "Stopped by hand; training goes on from the last checkpoint when started again."
        _record_stop(options.out, logbook, "note", "operator", why)
        raise
    except TrainError as error:
        _record_stop(options.out, logbook, "crash", "divergence", f"{error}.")
        raise
    except Exception as error:
        why = f"Training failed with {type(error).__name__}."
        _record_stop(options.out, logbook, "crash", "other", why)
        raise


def _steps(
    learner: Learner,
    material: Material,
    options: TrainOptions,
    logbook: Logbook,
    start: int,
    say: Say,
) -> StepFigures | None:
    settings, figures = learner.settings, None
    began, tokens_since = time.monotonic(), 0
    with tqdm(
        total=settings.steps, initial=start, unit="step", disable=not options.progress_bar
    ) as bar:
        for done in range(start + 1, settings.steps + 1):
            figures = learner.learn(material.learned, done - 1)
            _require_finite(figures, done)
            tokens_since += figures.tokens
            bar.set_postfix(loss=f"{figures.loss:.3f}", refresh=False)
            bar.update()
            if done % options.log_every == 0 or done == settings.steps:
                speed = tokens_since / max(time.monotonic() - began, 1e-9)
                tokens = settings.tokens_after(done)
                chronicle.record_update(logbook, done, tokens, figures, speed)
                began, tokens_since = time.monotonic(), 0
            if done % options.checkpoint_every == 0 or done == settings.steps:
                progress = Progress(done, settings.as_dict(), material.corpus.sha256)
                save_state(options.out, progress, learner.model, learner.optimizer)
                say(f"step {done}: checkpoint written")
    return figures


def _finish(
    learner: Learner,
    material: Material,
    options: TrainOptions,
    logbook: Logbook,
    figures: StepFigures | None,
) -> None:
    settings = learner.settings
    held_out = learner.evaluate(material.held_out)
    export_model(
        options.out,
        learner.model.config,
        learner.model.weights(),
        shards=options.shards,
        max_shard_bytes=options.max_shard_bytes,
    )
    chronicle.record_evaluation(
        logbook, settings.steps, held_out, settings.held_out_windows, settings.window
    )
    chronicle.record_energy(logbook, options.energy)
    loss = figures.loss if figures else held_out
    chronicle.record_end(logbook, settings, settings.tokens_after(settings.steps), loss)
    remove_state(options.out)


def _is_finished(out: Path, settings: TrainSettings) -> bool:
    entries = read_logbook(out / chronicle.LOGBOOK_NAME)
    if not any(e["kind"] == "milestone" and "ended_at" in e for e in entries):
        return False
    used = [e["changes"] for e in entries if e["kind"] == "hyperparameter"][-1]
    _require_same({change["name"]: change["to"] for change in used}, settings)
    return True


def _require_resumable(
    progress: Progress | None, settings: TrainSettings, options: TrainOptions
) -> None:
    if progress is not None:
        _require_same(progress.settings, settings)
    elif options.must_resume:
        raise TrainError(f"no checkpoint in {options.out} to resume from; leave out --resume")
    elif (options.out / "config.json").exists():
        raise TrainError(f"{options.out} holds a model already; choose another --out")


def _require_same(used: dict[str, object], settings: TrainSettings) -> None:
    wanted = settings.as_dict()
    differing = [
        f"{name} was {used.get(name)!r}, now {value!r}"
        for name, value in wanted.items()
        if used.get(name) != value
    ]
    if differing:
        raise TrainError(
            f"the folder's run has other settings ({'; '.join(differing)}); "
            "give the same ones, or another --out"
        )


def _require_finite(figures: StepFigures, step: int) -> None:
    if not (math.isfinite(figures.loss) and math.isfinite(figures.grad_norm)):
        raise TrainError(f"the loss is not finite at step {step}; lower the learning rate")


def _record_stop(out: Path, logbook: Logbook, kind: str, cause: str, why: str) -> None:
    entries = read_logbook(out / chronicle.LOGBOOK_NAME)
    step = max((entry.get("step", 0) for entry in entries), default=0)
    chronicle.record_stop(logbook, step, kind, cause, why)


def use_threads(count: int | None) -> None:
    """Set torch's threads; None leaves them."""
    if count is not None:
        torch.set_num_threads(count)
