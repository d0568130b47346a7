"""Write the trainer's logbook entries, in sentences and figures."""

import math
import os
import platform
import signal
from pathlib import Path
from typing import Any

import tokenizers
import torch

from inference.plan.energy import EnergyInputs, estimate_energy
from inference.training.corpus.library import Corpus
from inference.training.corpus.prepared import AboutCorpus
from inference.training.logbook import Logbook, cut_torn_line, read_logbook, run_hours
from inference.training.parallel.ranks import Ranks
from inference.training.recipe import RecipeSettings
from inference.training.settings import RunSettings
from inference.training.step import StepFigures
from inference.training.stop_signals import MEANINGS

LOGBOOK_NAME = "logbook.jsonl"


def open_logbook(directory: Path, resumed_step: int, resumed_tokens: int) -> Logbook:
    """Open the logbook and record the start of a run: a first launch, or a restart.

    A run before it that has no ending entry is first recorded as a crash.
    """
    path = directory / LOGBOOK_NAME
    torn = cut_torn_line(path)
    entries = read_logbook(path)
    if not entries:
        logbook = Logbook(path, "1")
        logbook.write("launch", "Training starts.", automatic=False, step=0, tokens=0)
        return logbook
    last = entries[-1]
    runs = len({entry["run"] for entry in entries})
    of_last_run = [entry for entry in entries if entry["run"] == last["run"]]
    if not any("ended_at" in entry for entry in of_last_run):
        _record_crash(Logbook(path, last["run"], last.get("parent_run")), of_last_run, torn)
    logbook = Logbook(path, f"{entries[0]['run']}.{runs}", last["run"])
    _record_restart(logbook, of_last_run, resumed_step, resumed_tokens)
    return logbook


def _record_crash(logbook: Logbook, entries: list[dict[str, Any]], torn: int) -> None:
    last = entries[-1]
    remains = f" {torn} bytes of a half-written entry were cut." if torn else ""
    logbook.write(
        "crash",
        f"Run {logbook.run} ended without an ending entry; this was found at the next start. "
        f"The cause is unknown, and the time is that of its last sign of life.{remains}",
        cause="other",
        occurred_at=last["occurred_at"],
        ends_run=True,
        step=_last_step(entries),
    )


def _record_restart(
    logbook: Logbook, entries: list[dict[str, Any]], resumed_step: int, resumed_tokens: int
) -> None:
    ending = next((e for e in reversed(read_logbook(logbook.path)) if "ended_at" in e), {})
    before = _last_step(entries)
    origin = f"the checkpoint of step {resumed_step}" if resumed_step else "the beginning"
    logbook.write(
        "restart",
        f"Training goes on from {origin}; the run before had reported step {before}.",
        automatic=False,
        cause=ending.get("cause", "other"),
        step=resumed_step,
        step_before=before,
        step_after=resumed_step,
        tokens=resumed_tokens,
        checkpoint_step=resumed_step,
    )


def _last_step(entries: list[dict[str, Any]]) -> int:
    return max((entry.get("step", 0) for entry in entries), default=0)


def record_setting(logbook: Logbook, settings: RunSettings, ranks: Ranks) -> None:
    """Write the machine, the software and the settings, the latter as a list of named values."""
    logbook.write("hardware", _hardware(ranks), figures=_devices(ranks))
    logbook.write(
        "software",
        "Versions in use.",
        software={
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "tokenizers": tokenizers.__version__,
        },
    )
    logbook.write(
        "hyperparameter",
        "The settings; every random draw follows from the seed and the step.",
        changes=[
            {"name": name, "from": None, "to": value, "reason": "initial"}
            for name, value in settings.as_dict().items()
        ],
    )


def _hardware(ranks: Ranks) -> str:
    if ranks.size == 1:
        return (
            f"One {platform.machine()} machine; torch uses {torch.get_num_threads()} of "
            f"{os.cpu_count()} logical processors, and no accelerator."
        )
    kind = torch.cuda.get_device_name() if ranks.device == "cuda" else f"{platform.machine()} CPU"
    return (
        f"{ranks.size} ranks on {kind}: {ranks.data_size} data ranks that share weights and "
        f"moments, times {ranks.tensor_size} tensor ranks that share each layer."
    )


def _devices(ranks: Ranks) -> dict[str, int]:
    threads = {"threads": torch.get_num_threads()}
    if ranks.size == 1:
        return {"devices": 1} | threads
    return {
        "devices": ranks.size,
        "data_ranks": ranks.data_size,
        "tensor_ranks": ranks.tensor_size,
    } | threads


def record_corpus(logbook: Logbook, about: AboutCorpus, settings: RecipeSettings) -> None:
    """Write the entry of a prepared corpus: never its files' names, which may say too much."""
    epochs = settings.tokens_after(settings.steps) / max(about.tokens, 1)
    logbook.write(
        "data",
        f"{about.files:,} files, {about.size_bytes:,} bytes, {about.documents:,} documents to "
        f"learn from and {about.held_out_documents:,} held out; {about.tokens:,} tokens and "
        f"{about.held_out_tokens:,}, sha256 {about.digest}, in a byte-level BPE of "
        f"{about.vocab_size:,} entries. The run sees {epochs:.2f} epochs.",
        figures={
            "files": about.files,
            "bytes": about.size_bytes,
            "documents": about.documents,
            "tokens": about.tokens,
            "held_out_tokens": about.held_out_tokens,
            "epochs": round(epochs, 4),
        },
    )


def record_data(logbook: Logbook, corpus: Corpus, tokens: int, held_out: int, vocab: int) -> None:
    """Write the entry of the corpus and its tokens."""
    logbook.write(
        "data",
        f"{corpus.files} source files of Python {platform.python_version()}'s standard library "
        f"(tests left out), {corpus.size_bytes:,} bytes, sha256 {corpus.sha256}; {tokens:,} tokens "
        f"to learn from and {held_out:,} held out, in a byte-level BPE of {vocab} entries.",
        figures={
            "files": corpus.files,
            "bytes": corpus.size_bytes,
            "tokens": tokens,
            "held_out_tokens": held_out,
        },
    )


def record_update(
    logbook: Logbook, step: int, tokens: int, figures: StepFigures, tokens_per_second: float
) -> None:
    """Write the entry of loss and speed after so many steps."""
    logbook.write(
        "update",
        f"Step {step}: loss {figures.loss:.3f}.",
        step=step,
        tokens=tokens,
        figures={
            "loss": figures.loss,
            "perplexity": math.exp(min(figures.loss, 700.0)),
            "grad_norm": figures.grad_norm,
            "learning_rate": figures.learning_rate,
            "tokens_per_second": round(tokens_per_second, 1),
        }
        | ({"loss_scale": figures.loss_scale} if figures.loss_scale != 1.0 else {}),
    )


def record_evaluation(logbook: Logbook, step: int, loss: float, windows: int, length: int) -> None:
    """Write the loss on held-out text."""
    logbook.write(
        "evaluation",
        f"Held-out loss {loss:.3f} nats per token over {windows} windows of {length} tokens from "
        f"text that was not learned from.",
        step=step,
        figures={"loss": loss, "perplexity": math.exp(min(loss, 700.0))},
    )


def record_energy(logbook: Logbook, inputs: EnergyInputs) -> None:
    """Write the estimate of energy and carbon with its inputs, method and boundary."""
    hours = run_hours(read_logbook(logbook.path))
    estimate = estimate_energy(hours, inputs)
    logbook.write(
        "note",
        f"Estimated energy {estimate.kwh:.6f} kWh and {estimate.kg_co2e:.6f} kg CO2e, by "
        f"device-hours x W x PUE / 1000 = kWh and kWh x kg/kWh = kg. Watts: "
        f"{inputs.watts_source}. PUE: {inputs.pue_source}. Grid: {inputs.grid_source}. Boundary: "
        f"this lineage of runs with its crashes, from first to last entry of each, on one "
        f"device (the machine's processor); without other experiments and without making the "
        f"machine. Nothing was measured.",
        figures={
            "device_hours": hours,
            "watts_per_device": inputs.watts_per_device,
            "pue": inputs.pue,
            "kg_per_kwh": inputs.kg_per_kwh,
            "kwh": estimate.kwh,
            "kg_co2e": estimate.kg_co2e,
        },
    )


def record_end(
    logbook: Logbook, settings: RunSettings, tokens: int, loss: float, files: dict[str, str]
) -> None:
    """Write the ending entry of a run that came to its last step. files: digests of the result."""
    logbook.write(
        "milestone",
        f"All {settings.steps:,} steps are done, {tokens:,} tokens seen; "
        "the checkpoint is exported.",
        ends_run=True,
        step=settings.steps,
        tokens=tokens,
        figures={"loss": loss},
        files=files,
    )


def stop_by_signal(number: int | None, step: int, saved: int) -> tuple[str, str, str]:
    """Return kind, cause and body of the entry of a run that was asked to stop after step.

    number: the signal's; None for a KeyboardInterrupt that some program raised. saved: the last
    step of which there is a checkpoint, or 0.
    """
    received = signal.SIGINT if number is None else signal.Signals(number)
    after = f"after step {step}" if step else "before the first step"
    origin = f"from the checkpoint of step {saved}" if saved else "from the beginning"
    why = (
        f"Stopped {after} by {received.name} ({MEANINGS[received]}). Started again, "
        f"training goes on {origin}."
    )
    return "note", "operator" if received == signal.SIGINT else "provider", why


def record_stop(logbook: Logbook, step: int, kind: str, cause: str, why: str) -> None:
    """Write the ending entry of a run that stops before its last step."""
    logbook.write(kind, why, automatic=cause != "operator", cause=cause, ends_run=True, step=step)
