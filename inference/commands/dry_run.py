"""Print what a training would take, without doing it."""

import argparse
import json

from inference.commands.reading import number, whole_number
from inference.plan.energy import EnergyInputs
from inference.plan.gpus import GPUS, Machine, gpu_of_memory, named_gpu
from inference.plan.shapes import shape_of
from inference.plan.training import REACHED_SHARE, TrainingJob, TrainingPlan, plan_training
from inference.training.recipe import RecipeSettings

VOCAB = 50_272  # OPT's, where no tokenizer says another


def add_dry_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the GPUs to plan for."""
    group = parser.add_argument_group("dry run", "plan a recipe for GPUs, and train nothing")
    group.add_argument(
        "--dry-run", action="store_true", help="print memory, time, energy, carbon and cost"
    )
    group.add_argument("--gpus", type=whole_number(1, 100_000), default=8, help="(8)")
    group.add_argument(
        "--gpu", default="a100-80", metavar="NAME", help=f"{', '.join(GPUS)} (a100-80)"
    )
    group.add_argument("--gpu-memory-gib", type=number(0.01, 1e6), help="for a GPU of no name")
    group.add_argument(
        "--reached-share",
        type=number(0.001, 1),
        default=REACHED_SHARE,
        metavar="SHARE",
        help="of the GPU's peak arithmetic (0.4)",
    )
    group.add_argument("--price", type=number(0, 1e6), help="of a GPU for an hour, any currency")
    group.add_argument("--json", action="store_true", help="print JSON")


def dry_run(settings: RecipeSettings, arguments: argparse.Namespace, inputs: EnergyInputs) -> int:
    """Print the plan; status 0 if it fits, 1 if it doesn't."""
    made = plan_training(
        _job(settings, arguments),
        _machine(arguments),
        inputs=inputs,
        reached_share=arguments.reached_share,
        price_per_gpu_hour=arguments.price,
    )
    print(json.dumps(made.as_dict(), indent=2) if arguments.json else _table(made, inputs))
    return 0 if made.fits else 1


def _job(settings: RecipeSettings, arguments: argparse.Namespace) -> TrainingJob:
    shape = shape_of(settings.config(VOCAB), arguments.preset)
    return TrainingJob(
        shape,
        settings.sequence_length,
        settings.batch,
        settings.steps,
        settings.dtype,
        arguments.micro_batch,
        arguments.recompute,
    )


def _machine(arguments: argparse.Namespace) -> Machine:
    gib = arguments.gpu_memory_gib
    gpu = named_gpu(arguments.gpu) if gib is None else gpu_of_memory(gib)
    return Machine(arguments.gpus, gpu, tensor_parallel_size=arguments.tp)


def _table(made: TrainingPlan, inputs: EnergyInputs) -> str:
    memory = made.memory
    rows = [
        ("fits", "yes" if made.fits else "no"),
        *(("because", reason) for reason in made.reasons),
        ("spread", f"{made.data_ranks} data x {made.tensor_ranks} tensor ranks"),
        ("micro-batch", f"{made.micro_batch} sequences on each"),
        ("parameters", f"{made.parameters:,}"),
        ("per GPU", f"{memory.needed_bytes / 1e9:,.1f} of {memory.usable_bytes / 1e9:,.1f} GB"),
        ("  state", f"{memory.state_bytes / 1e9:,.1f} GB: weights, gradients, moments"),
        ("  gathered", f"{memory.gathered_bytes / 1e9:,.1f} GB"),
        ("  activations", f"{memory.activation_bytes / 1e9:,.1f} GB"),
        ("tokens", f"{made.tokens:,}"),
        ("operations", f"{made.operations:.3g} FLOP"),
        *_time_rows(made, inputs),
    ]
    return "\n".join(f"{name:<16} {value}" for name, value in rows)


def _time_rows(made: TrainingPlan, inputs: EnergyInputs) -> list[tuple[str, str]]:
    if made.hours is None or made.energy is None:
        return [("time", "unknown: give a --gpu whose speed is known")]
    energy = made.energy
    watts = f"{inputs.watts_per_device:g} W x {inputs.pue:g}"
    rows = [
        ("time", f"{made.hours / 24:,.1f} days, {made.gpu_hours:,.0f} GPU-hours, undisturbed"),
        (
            "energy",
            f"{energy.kwh / 1000:,.2f} MWh, at {watts}",
        ),
        ("carbon", f"{energy.kg_co2e / 1000:,.2f} t CO2e, at {inputs.kg_per_kwh:g} kg/kWh"),
    ]
    if made.cost is not None:
        rows.append(("cost", f"{made.cost:,.0f}"))
    return rows
