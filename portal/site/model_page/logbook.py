"""A model's logbook for its page: figures, the loss chart, and the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.catalog.logbook.services import Totals, totals
from portal.catalog.models import LogbookEntry
from portal.site.model_page.charts import LossChart, loss_chart

Kind = LogbookEntry.Kind
Correction = LogbookEntry.Correction
HIDDEN = {Kind.UPDATE}  # the chart shows them

CAUSES = {
    "ecc": "memory error",
    "gpu_lost": "lost GPU",
    "nccl": "communication between GPUs",
    "cuda": "CUDA error",
    "hang": "hang",
    "storage": "storage",
    "node_add": "a node was added",
    "divergence": "the loss diverged",
    "loss_scale": "the loss scale fell",
    "operator": "by an operator",
    "provider": "the provider",
    "other": "cause unknown",
}
ICONS = {
    Kind.LAUNCH: ("flag", ""),
    Kind.RESTART: ("clock", ""),
    Kind.CRASH: ("crash", "stop"),
    Kind.HARDWARE: ("hardware", ""),
    Kind.INCIDENT: ("warning", "wait"),
    Kind.HYPERPARAMETER: ("settings", ""),
    Kind.SOFTWARE: ("settings", ""),
    Kind.DECISION: ("said", ""),
    Kind.CAPACITY: ("hardware", ""),
    Kind.ONCALL: ("review", ""),
    Kind.MILESTONE: ("tick", "yes"),
    Kind.EVALUATION: ("tick", "yes"),
}
TITLES = {
    Kind.HYPERPARAMETER: "Settings",
    Kind.ONCALL: "On call",
    Kind.EVALUATION: "Evaluation",
}


@dataclass(frozen=True)
class Happening:
    """One entry of the timeline."""

    entry: LogbookEntry
    icon: str
    tone: str
    title: str
    changes: list[str]
    amends: str
    amended: list[str]


@dataclass(frozen=True)
class LogbookView:
    totals: Totals
    crashes: int
    chart: LossChart | None
    energy: dict[str, Any]
    happenings: list[Happening]
    updates: int


def read(entries: list[LogbookEntry]) -> LogbookView:
    sums = totals(entries)
    crash_steps = [
        entry.step for entry in entries if entry.kind == Kind.CRASH and entry.step is not None
    ]
    shown = [entry for entry in entries if entry.kind not in HIDDEN]
    amended = _amended(entries)
    return LogbookView(
        totals=sums,
        crashes=sum(sums.crashes.values()),
        chart=loss_chart(sums.loss, crash_steps),
        energy=_energy(entries),
        happenings=[_happening(entry, amended.get(entry.pk, [])) for entry in shown],
        updates=len(entries) - len(shown),
    )


def _energy(entries: list[LogbookEntry]) -> dict[str, Any]:
    """Return the newest estimate of both energy and carbon, or nothing."""
    for entry in reversed(entries):
        if {"kwh", "kg_co2e"} <= entry.figures.keys():
            return dict(entry.figures)
    return {}


AMENDS = {
    Correction.CORRECTS: ("Corrects", "Corrected by"),
    Correction.VOIDS: ("Voids", "Void: see"),
    Correction.REVERTS: ("Reverts", "Reverted by"),
}


def _amended(entries: list[LogbookEntry]) -> dict[int, list[str]]:
    """Return what later entries did to earlier ones, by the primary key of the earlier."""
    amendments: dict[int, list[str]] = {}
    for entry in entries:
        if entry.corrects_id is not None:
            _, passive = AMENDS[Correction(entry.correction or Correction.CORRECTS)]
            words = f"{passive} entry {entry.number}."
            amendments.setdefault(entry.corrects_id, []).append(words)
    return amendments


def _amends(entry: LogbookEntry) -> str:
    if entry.corrects is None:
        return ""
    active, _ = AMENDS[Correction(entry.correction or Correction.CORRECTS)]
    return f"{active} entry {entry.corrects.number}."


def _happening(entry: LogbookEntry, amended: list[str]) -> Happening:
    icon, tone = ICONS.get(Kind(entry.kind), ("note", ""))
    return Happening(
        entry=entry,
        icon=icon,
        tone=tone,
        title=_title(entry),
        changes=[_change(change) for change in entry.changes if isinstance(change, dict)],
        amends=_amends(entry),
        amended=amended,
    )


def _title(entry: LogbookEntry) -> str:
    kind = Kind(entry.kind)
    if kind == Kind.LAUNCH:
        return f"Run {entry.run} started"
    if kind == Kind.RESTART:
        return f"Run {entry.run} restarted {'by itself' if entry.automatic else 'by hand'}"
    title = TITLES.get(kind, kind.label)
    if entry.cause:
        title = f"{title}: {CAUSES.get(entry.cause, entry.cause)}"
    return f"{title}, step {entry.step:,}" if entry.step is not None else title


def _change(change: dict[str, Any]) -> str:
    """Write a setting, or its change as ``weight decay: 0.1 → 0.05``, with the reason given."""
    name = str(change.get("name", "")).replace("_", " ")
    before, after = change.get("from"), change.get("to")
    text = f"{name}: {after}" if before is None else f"{name}: {before} → {after}"
    reason = str(change.get("reason") or "")
    return f"{text} ({reason})" if reason not in ("", "initial") else text
