"""Gather what the planner's page shows, and the same as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from inference.plan import Machine, Shape, named_shape
from portal.jobs.accounting.tariffs import TariffRates, rates_on
from portal.site.planner.comparison import COMPARED
from portal.site.planner.costs import Costs, TrainingPrice, costs_of, training_price
from portal.site.planner.forms import PlannerForm, title_of
from portal.site.planner.machines import PRESETS, label_of
from portal.site.planner.memory_bars import MemoryChart, memory_chart
from portal.site.planner.planning import Planned, planned
from portal.site.planner.reasons import in_prose


@dataclass(frozen=True)
class PlanRow:
    """One model on one machine, as a row of a table."""

    label: str
    made: Planned
    kilowatts: float
    is_chosen: bool = False


@dataclass(frozen=True)
class PlannerResult:
    """The plan that was asked for, and what stands beside it."""

    title: str
    machine_label: str
    made: Planned
    chart: MemoryChart
    kilowatts: float
    watt_hours: float | None
    grams: float | None
    pue: float
    rates: TariffRates
    costs: Costs
    training_price: TrainingPrice | None
    machines: list[PlanRow]
    models: list[PlanRow]

    @property
    def reasons(self) -> list[str]:
        return [in_prose(reason) for reason in self.made.plan.reasons]

    @property
    def notes(self) -> list[str]:
        return [in_prose(note) for note in self.made.plan.notes]


def result_of(form: PlannerForm, now: datetime) -> PlannerResult:
    """Plan what a clean form asks for."""
    cleaned, pue = form.cleaned_data, settings.ENGINE_PUE
    shape, machine, dtype = form.shape, form.wanted_machine, cleaned["dtype"]
    made, rates = planned(shape, machine, dtype), rates_on(now.date())
    watt_hours = made.watt_hours_per_thousand(pue)
    return PlannerResult(
        title=title_of(cleaned["model"]),
        machine_label=label_of(cleaned["machine"], machine),
        made=made,
        chart=memory_chart(made.memory),
        kilowatts=made.kilowatts(pue),
        watt_hours=watt_hours,
        grams=None if watt_hours is None else watt_hours * rates.kg_per_kwh,
        pue=pue,
        rates=rates,
        costs=costs_of(
            made,
            cleaned["tokens_per_month"],
            rates,
            own_price=cleaned["per_hour"],
            today=now.date(),
        ),
        training_price=training_price(),
        machines=_machine_rows(shape, dtype, cleaned["machine"], machine),
        models=_model_rows(cleaned["model"], shape, machine, dtype),
    )


def _row(
    label: str, shape: Shape, machine: Machine, dtype: str, *, is_chosen: bool = False
) -> PlanRow:
    made = planned(shape, machine, dtype)
    return PlanRow(label, made, made.kilowatts(settings.ENGINE_PUE), is_chosen)


def _machine_rows(shape: Shape, dtype: str, chosen: str, machine: Machine) -> list[PlanRow]:
    machines = PRESETS if chosen in PRESETS else {**PRESETS, chosen: machine}
    return [
        _row(label_of(key, machine), shape, machine, dtype, is_chosen=key == chosen)
        for key, machine in machines.items()
    ]


def _model_rows(name: str, shape: Shape, machine: Machine, dtype: str) -> list[PlanRow]:
    shapes = {name: shape} | {other: named_shape(other) for other in COMPARED if other != name}
    return [
        _row(title_of(key), shape, machine, dtype, is_chosen=key == name)
        for key, shape in shapes.items()
    ]


def as_json(result: PlannerResult) -> dict[str, Any]:
    """Return the plan, its GPUs' memory, power and costs as data; bytes and tokens a second."""
    made = result.made
    return {
        "model": result.title,
        "gpu": made.machine.gpu.name,
        "dtype": made.dtype,
        "plan": made.plan.as_dict(),
        "memory": [{**asdict(gpu), "free_bytes": gpu.free_bytes} for gpu in made.memory],
        "reached_tokens_per_second": made.reached,
        "kilowatts": result.kilowatts,
        "watt_hours_per_1000_tokens": result.watt_hours,
        "grams_co2e_per_1000_tokens": result.grams,
        "costs": [asdict(line) for line in result.costs.lines],
    }
