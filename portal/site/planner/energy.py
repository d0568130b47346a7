"""Estimates of what training took: whose they are, and from which inputs.

Nobody metered these runs for the public. An estimate without its inputs says little, so each
has them, and those that state theirs are worked out again by inference's own formula.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from inference.plan.energy import EnergyEstimate, EnergyInputs, estimate_energy
from portal.site.planner.sources import HowKnown, Quote, hearsay, quoted
from portal.text.languages import Words

HOURS_OF_RUN = 809_472  # 992 GPUs for 34 days: LLaMA's table 15
CALENDAR_DAYS, GPUS_OF_RUN = 56, 992
CALENDAR_HOURS = CALENDAR_DAYS * 24 * GPUS_OF_RUN
# LLaMA's inputs, for all its estimates: an A100's limit, an assumed overhead, the US mean grid
LLAMA_INPUTS = EnergyInputs(watts_per_device=400, pue=1.1, kg_per_kwh=0.385)


@dataclass(frozen=True)
class TrainingEstimate:
    """One estimate of a training's energy and carbon; None where its authors give none."""

    model: str
    by: Quote
    boundary: Words
    inputs: Words
    megawatt_hours: float | None
    tonnes: float | None
    recomputed: EnergyEstimate | None = None

    @property
    def width(self) -> float:
        """Return the length of its bar, of a hundred."""
        return round(100 * (self.tonnes or 0) / MOST_TONNES, 1)

    @property
    def grams_per_kwh(self) -> int | None:
        """Return the carbon of a kilowatt-hour that the two figures stand for together."""
        if self.megawatt_hours and self.tonnes:
            return round(1000 * self.tonnes / self.megawatt_hours)
        return None


def _recomputed(hours: float) -> EnergyEstimate:
    return estimate_energy(hours, LLAMA_INPUTS)


_CALENDAR = _recomputed(CALENDAR_HOURS)
MOST_TONNES = 552
ESTIMATES = (
    TrainingEstimate(
        "OPT-175B",
        quoted(_("Zhang et al., its authors"), "opt"),
        _("the one run that was released; about twice as much with trials, baselines and downtime"),
        _("none stated: no energy, no grid, no overhead"),
        None,
        75,
    ),
    TrainingEstimate(
        "OPT-175B",
        hearsay(_("Luccioni et al."), "luccioni"),
        _("the one run"),
        _("324 MWh; a grid of 231 g/kWh would give 75 t"),
        324,
        70,
    ),
    TrainingEstimate(
        "OPT-175B",
        quoted(_("Touvron et al., LLaMA’s authors"), "llama"),
        _("the one run, had nothing failed: 34 days"),
        _("809,472 GPU-hours, 400 W (an A100’s limit, not measured), overhead 1.1, 385 g/kWh (US)"),
        356,
        137,
        _recomputed(HOURS_OF_RUN),
    ),
    TrainingEstimate(
        "OPT-175B",
        Quote("Weightgate", ("chronicles", "llama"), HowKnown.COMPUTED),
        _(
            "the 56 calendar days with failures, as if all GPUs had worked throughout: an upper "
            "bound"
        ),
        _("992 GPUs × 56 d = 1,333,248 GPU-hours; the rest as LLaMA’s authors assume"),
        round(_CALENDAR.kwh / 1000, 1),
        round(_CALENDAR.kg_co2e / 1000, 1),
        _CALENDAR,
    ),
    TrainingEstimate(
        "GPT-3",
        hearsay(_("Patterson et al."), "patterson"),
        _("the one run"),
        _("1,287 MWh; V100s of which the number is assumed; 429 g/kWh"),
        1287,
        552,
    ),
    TrainingEstimate(
        "GPT-3",
        quoted(_("Zhang et al., after Patterson et al."), "opt"),
        _("the one run"),
        _("rounded, as OPT’s authors compare with it"),
        None,
        500,
    ),
    TrainingEstimate(
        "Gopher",
        quoted(_("Zhang et al., after Rae et al."), "opt"),
        _("the one run"),
        _("as OPT’s authors quote it"),
        None,
        380,
    ),
    TrainingEstimate(
        "BLOOM",
        quoted(_("Luccioni et al."), "luccioni"),
        _("the one run; 50.5 t with idle machines and their making"),
        _("433 MWh of GPUs at their power limit, not metered; 24.7 t of it is 57 g/kWh (France)"),
        433,
        24.7,
    ),
)


@dataclass(frozen=True)
class Ratio:
    """One way to say how much less OPT-175B took than GPT-3."""

    words: Words
    value: float


SEVENTH = (
    Ratio(_("75 t (its authors) against 500 t (theirs, rounded)"), 500 / 75),
    Ratio(_("75 t (its authors) against 552 t (Patterson et al.)"), 552 / 75),
    Ratio(_("137 t (LLaMA’s authors) against 552 t (Patterson et al.)"), 552 / 137),
    Ratio(_("the energy alone: 324 MWh (Luccioni et al.) against 1,287 MWh"), 1287 / 324),
    Ratio(_("the energy alone: 356 MWh (LLaMA’s authors) against 1,287 MWh"), 1287 / 356),
)
