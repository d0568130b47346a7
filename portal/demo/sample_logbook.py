"""A sample logbook with the structure of OPT-175B's public one: invented, and marked so.

It lets the demo show crashes, restarts and what they cost. Nothing in it happened: kinds of
entries, the pace and the length are like those of a run of that size, the rest is made up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, exp, log
from typing import Any
from zoneinfo import ZoneInfo

MARK = "Sample, made for this demo: none of it happened"
DAYS, STEPS, TOKENS_PER_STEP, GPUS = 56, 143_000, 2 << 20, 992
END_BEFORE_RELEASE = timedelta(days=21)
REPORT_EVERY = 1000
SET_UP_DAYS = 0.1
LAB_ZONE = "PT"
PRICE_PER_GPU_HOUR = 3.43
LOSS_AT_END, LOSS_AT_START = 1.9, 9.0


@dataclass(frozen=True)
class SampleCrash:
    """A crash: its day and cause, how it was found, and how long the run stood still."""

    day: float
    cause: str
    hours: float
    automatic: bool
    hosts: int
    text: str


CRASHES = (
    SampleCrash(0.9, "nccl", 3.0, False, 0, "All ranks wait for one; the job was stopped."),
    SampleCrash(2.6, "ecc", 1.5, True, 1, "Uncorrectable memory error; the host left the pool."),
    SampleCrash(5.1, "gpu_lost", 2.0, False, 1, "A GPU fell off its bus."),
    SampleCrash(8.4, "divergence", 6.5, False, 0, "The loss rose for 400 steps and stayed up."),
    SampleCrash(11.2, "cuda", 1.0, True, 1, "Illegal access on one rank; its host was drained."),
    SampleCrash(13.9, "storage", 4.0, False, 0, "A checkpoint’s download hung at 61 %."),
    SampleCrash(17.3, "loss_scale", 5.0, False, 0, "The loss scale fell to its floor."),
    SampleCrash(20.8, "ecc", 1.2, True, 1, "Uncorrectable memory error."),
    SampleCrash(23.0, "hang", 7.5, False, 2, "No step for 40 minutes after two hosts were added."),
    SampleCrash(27.7, "gpu_lost", 1.6, True, 1, "A GPU fell off its bus."),
    SampleCrash(31.5, "nccl", 2.2, True, 1, "A link flapped; its host was replaced."),
    SampleCrash(36.1, "divergence", 9.0, False, 0, "Gradient norms drifted, then the loss rose."),
    SampleCrash(40.2, "provider", 30.0, False, 16, "The provider’s support deleted the cluster."),
    SampleCrash(47.0, "ecc", 1.1, True, 1, "Uncorrectable memory error."),
    SampleCrash(52.3, "cuda", 1.4, True, 1, "A kernel timed out on one rank."),
)
OTHERS: tuple[tuple[float, str, dict[str, Any]], ...] = (
    (0.0, "hardware", {"body": "124 hosts of eight GPUs; 4 more as a buffer."}),
    (0.0, "oncall", {"body": "Two on call, in shifts of twelve hours.", "figures": {
        "person_hours": 1344}}),
    (0.05, "hyperparameter", {"body": "The settings.", "changes": [
        {"name": "learning_rate", "from": None, "to": "1.2e-4"},
        {"name": "clip_norm", "from": None, "to": 1.0},
        {"name": "batch_tokens", "from": None, "to": TOKENS_PER_STEP}]}),
    (6.0, "software", {"body": "A newer library came with a rebuilt image: 2 % faster.",
        "software": {"megatron": "2.6"}}),
    (8.8, "hyperparameter", {"body": "After the divergence.", "changes": [
        {"name": "clip_norm", "from": 1.0, "to": 0.3, "reason": "spikes"},
        {"name": "learning_rate", "from": "1.2e-4", "to": "9.0e-5", "reason": "divergence"}]}),
    (15.0, "note", {"body": "A trial of plain SGD begins."}),
    (16.5, "decision", {"body": "The trial of SGD made no progress, and is undone.",
        "undoes": "reverts"}),
    (24.0, "capacity", {"body": "18 more hosts as a buffer."}),
    (28.0, "milestone", {"body": "Half of the tokens are seen."}),
    (36.6, "hyperparameter", {"body": "Lower, and from the checkpoint before the drift.",
        "changes": [{"name": "learning_rate", "from": "9.0e-5", "to": "6.0e-5",
        "reason": "gradient norm"}]}),
    (44.0, "evaluation", {"body": "Held-out loss at this checkpoint.", "figures": {"loss": 2.03}}),
    (50.0, "hyperparameter", {"body": "The last decay.", "changes": [
        {"name": "learning_rate", "from": "6.0e-5", "to": "4.0e-5", "reason": "plan"}]}),
)  # fmt: skip


def sample_logbook(released_at: datetime) -> str:
    """Write the logbook as JSONL; its run ends three weeks before the model's release."""
    began = released_at - END_BEFORE_RELEASE - timedelta(days=DAYS)
    rows = sorted(_rows(began), key=lambda row: row[0])
    lines, trial = [], 0
    for number, (at, row) in enumerate(rows, start=1):
        if "trial" in str(row.get("body")) and row["kind"] == "note":
            trial = number
        if undoes := row.pop("undoes", ""):
            row[undoes] = trial
        times = {"occurred_at": _written(at), "zone": LAB_ZONE}
        if ends := row.pop("ends", None):
            times["ended_at"] = _written(ends)
        lines.append(json.dumps({**row, **times, "author": MARK}))
    return "\n".join(lines) + "\n"


def _written(at: datetime) -> str:
    """Write a time as the invented lab does, in its own zone."""
    return at.astimezone(ZoneInfo("America/Los_Angeles")).isoformat(timespec="minutes")


def _step_at(day: float) -> int:
    return round(STEPS * min(day / DAYS, 1.0)) if day > SET_UP_DAYS else 0


def _loss_at(step: int, day: float) -> float:
    """Fall as a power does, ripple a little, and rise before each divergence."""
    loss = LOSS_AT_END + (LOSS_AT_START - LOSS_AT_END) * exp(-0.55 * log(1 + step / 400))
    rise = sum(
        0.5 * exp(-(((day - crash.day) / 0.25) ** 2))
        for crash in CRASHES
        if crash.cause == "divergence" and day <= crash.day
    )
    return round(loss + 0.015 * cos(step / 700) + rise, 4)


def _rows(began: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """Yield each entry with its time, in no order."""

    def row(day: float, kind: str, **more: Any) -> tuple[datetime, dict[str, Any]]:
        at = began + timedelta(days=day)
        return at, {"run": _run_on(day), "kind": kind, "step": _step_at(day), **more}

    yield row(0.0, "launch", automatic=False, body="The run is launched.")
    for day, kind, content in OTHERS:
        yield row(day + 0.002, kind, **content)
    for place, crash in enumerate(CRASHES, start=1):
        yield from _crash_and_restart(place, crash, began)
    for step in range(REPORT_EVERY, STEPS + 1, REPORT_EVERY):
        day = DAYS * step / STEPS
        figures = {"loss": _loss_at(step, day)}
        yield row(day, "update", tokens=step * TOKENS_PER_STEP, figures=figures)
    ended = began + timedelta(days=DAYS + 0.01)
    yield row(DAYS + 0.01, "milestone", body="All steps are done.", ends=ended)
    yield row(DAYS + 0.02, "note", **_energy())


def _run_on(day: float) -> str:
    """Return the run of a day: each restart begins another of the lineage."""
    past = sum(crash.day + crash.hours / 24 <= day for crash in CRASHES)
    return f"12.{past:02}" if past else "12"


def _crash_and_restart(
    place: int, crash: SampleCrash, began: datetime
) -> Iterator[tuple[datetime, dict[str, Any]]]:
    at, step = began + timedelta(days=crash.day), _step_at(crash.day)
    back = began + timedelta(days=crash.day, hours=crash.hours)
    resumed = step - step % 500 - (2000 if crash.cause == "divergence" else 0)
    before = f"12.{place - 1:02}" if place > 1 else "12"
    lost = {"gpu_hours_lost": round(GPUS * crash.hours)}
    yield (
        at,
        {
            "run": before,
            "kind": "incident" if crash.cause == "provider" else "crash",
            "cause": crash.cause,
            "automatic": crash.automatic,
            "step": step,
            "body": crash.text,
            "figures": lost | ({"hosts_replaced": crash.hosts} if crash.hosts else {}),
            "ends": back,
        },
    )
    yield (
        back,
        {
            "run": f"12.{place:02}",
            "parent_run": before,
            "kind": "restart",
            "cause": crash.cause,
            "automatic": crash.automatic,
            "step": max(resumed, 0),
            "body": f"From the checkpoint of step {max(resumed, 0):,}; {step:,} had been reached.",
        },
    )


def _energy() -> dict[str, Any]:
    """Estimate as LLaMA's table 15 does, from GPUs, days and a data sheet's watts."""
    hours = GPUS * DAYS * 24
    kwh = hours * 400 * 1.1 / 1000
    return {
        "body": (
            "Energy from GPU-hours and an A100’s limit of 400 W; overhead 1.1 and 0.385 kg a kWh "
            "are those of LLaMA’s table 15. It covers all calendar days of this invented run, "
            "failures among them; not trials before it, hosts, or making the machines."
        ),
        "figures": {
            "device_hours": hours,
            "watts_per_device": 400,
            "pue": 1.1,
            "kg_per_kwh": 0.385,
            "kwh": kwh,
            "kg_co2e": kwh * 0.385,
            "price_per_device_hour": PRICE_PER_GPU_HOUR,
            "currency": "USD",
        },
    }
