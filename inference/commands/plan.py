"""Say whether a model fits some GPUs."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import inference.plan.planner as planner
from inference.commands.reading import number, whole_number
from inference.config import OptConfig
from inference.plan import (
    DTYPE_BYTES,
    GPUS,
    NAMES,
    Links,
    Machine,
    Plan,
    Shape,
    Split,
    Step,
    gpu_of_memory,
    named_gpu,
    named_shape,
    plan,
    plan_best,
    shape_of,
    steps_of,
)

HELP = (
    "say whether a model fits some GPUs, how many tokens their cache would hold, how fast it "
    "could be at most, how to spread it, and what disk and time it takes to bring it there"
)
RANKS = whole_number(1, 10_000)
MICROSECONDS = number(0, 1e6)
EPILOG = (planner.__doc__ or "").partition("\n\n")[2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", metavar="DIR", help="directory with config.json")
    which.add_argument("--name", metavar="NAME", help=f"a published shape: {', '.join(NAMES)}")
    parser.add_argument("--gpus", type=RANKS, required=True, help="number of GPUs")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--gpu", metavar="NAME", help=f"which: {', '.join(GPUS)}")
    kind.add_argument(
        "--gpu-memory-gib", type=number(0.01, 1e6), help="memory of each; no speeds are told"
    )
    parser.add_argument("--dtype", default="float16", choices=list(DTYPE_BYTES), help="(float16)")
    parser.add_argument(
        "--tp",
        "--tensor-parallel-size",
        type=RANKS,
        metavar="RANKS",
        help="tensor ranks (the best; with --pp, GPUs over those)",
    )
    parser.add_argument(
        "--pp",
        "--pipeline-parallel-size",
        type=RANKS,
        metavar="RANKS",
        help="pipeline ranks (the best; with --tp, GPUs over those)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, sizes in bytes")
    _add_link_arguments(parser)
    _add_disk_arguments(parser)


def _add_link_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("between GPUs", "assumptions: put in what you measured")
    group.add_argument("--gpus-per-node", type=RANKS, default=8, help="(8)")
    group.add_argument(
        "--node-us",
        type=MICROSECONDS,
        default=15.0,
        help="one all-reduce in a node, microseconds (15)",
    )
    group.add_argument(
        "--network-us", type=MICROSECONDS, default=45.0, help="over several nodes (45)"
    )
    group.add_argument(
        "--network-gbit", type=number(0.001, 1e6), default=100.0, help="between nodes (100)"
    )


def _add_disk_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("on the way there", "assumptions, as well")
    group.add_argument(
        "--disk-gb-s",
        type=number(0.001, 1e6),
        default=1.0,
        help="what each host's disk reads or writes, GB a second (1)",
    )
    group.add_argument("--cores", type=RANKS, default=8, help="of each host's processors (8)")


def run(arguments: argparse.Namespace) -> int:
    """Print the plan; status 0 if it fits, 1 if it does not."""
    shape, machine = _shape(arguments), _machine(arguments)
    has_split = arguments.tp is not None or arguments.pp is not None
    planned = (plan if has_split else plan_best)(shape, machine, arguments.dtype)
    steps = _steps(shape, machine, arguments)
    if arguments.json:
        figures = {"steps": [asdict(step) for step in steps]}
        print(json.dumps(planned.as_dict() | figures, indent=2))
    else:
        print(_table(planned, shape, steps, "as asked" if has_split else "the best"))
    return 0 if planned.fits else 1


def _steps(shape: Shape, machine: Machine, arguments: argparse.Namespace) -> list[Step]:
    """Return the steps to a loaded model; none for models that this engine doesn't run."""
    if not shape.is_opt:
        return []
    speed = arguments.disk_gb_s * 1e9
    return steps_of(
        shape,
        machine,
        dtype=arguments.dtype,
        disk_bytes_per_second=speed,
        cores=arguments.cores,
    )


def _machine(arguments: argparse.Namespace) -> Machine:
    """Describe the GPUs. Of --tp and --pp, one that wasn't given is what fills them."""
    gib, name = arguments.gpu_memory_gib, arguments.gpu
    known = gpu_of_memory(gib) if name is None else named_gpu(name)
    tensor, pipeline = arguments.tp, arguments.pp
    return Machine(
        arguments.gpus,
        known,
        tensor or max(arguments.gpus // (pipeline or 1), 1),
        pipeline or max(arguments.gpus // (tensor or arguments.gpus), 1),
        arguments.gpus_per_node,
        Links(
            arguments.node_us * 1e-6, arguments.network_us * 1e-6, arguments.network_gbit * 1e9 / 8
        ),
    )


def _shape(arguments: argparse.Namespace) -> Shape:
    if arguments.model is None:
        return named_shape(arguments.name)
    return shape_of(OptConfig.from_directory(arguments.model), Path(arguments.model).name)


def _table(made: Plan, shape: Shape, steps: list[Step], chosen: str) -> str:
    rows = [
        ("fits", "yes" if made.fits else "no"),
        ("spread", f"TP {made.tensor_parallel_size} x PP {made.pipeline_parallel_size}, {chosen}"),
        *(("because", reason) for reason in made.reasons),
        *(("note", note) for note in made.notes),
        ("parameters", f"{made.parameters:,}"),
        ("weights", f"{made.weight_bytes / 1e9:,.1f} GB"),
        ("usable memory", f"{made.usable_bytes / 1e9:,.1f} GB"),
        *(_rank_rows(made, shape) if made.can_be_spread else ()),
        *_split_rows(made),
        *_step_rows(steps),
    ]
    return "\n".join(f"{name:<16} {value}" for name, value in rows)


def _rank_rows(made: Plan, shape: Shape) -> list[tuple[str, str]]:
    return [
        ("weights per GPU", f"{made.weight_bytes_per_gpu / 1e9:,.1f} GB"),
        ("cache per token", f"{made.kv_bytes_per_token_on_all:,} bytes"),
        ("cache room", f"{max(made.kv_room_bytes, 0) / 1e9:,.1f} GB"),
        ("cache room", f"{made.kv_room_tokens:,} tokens"),
        ("full sequences", f"{made.full_sequences} of {shape.context} tokens"),
        *_speed_rows(made, shape),
    ]


def _split_rows(made: Plan) -> list[tuple[str, str]]:
    return [
        (f"TP {s.tensor_parallel_size} x PP {s.pipeline_parallel_size}", _told(s, made))
        for s in made.splits
    ]


def _step_rows(steps: list[Step]) -> list[tuple[str, str]]:
    rows = [("disk", _disk(step.written_bytes)) for step in steps if step.name == "convert"]
    for step in steps:
        written = f", writes {step.written_bytes / 1e9:,.0f}" * bool(step.written_bytes)
        read = f"reads {step.read_bytes / 1e9:,.0f} GB{written}"
        rows.append((f"to {step.name}", f"{read}: {_duration(step.seconds)}"))
    return rows


def _disk(size: int) -> str:
    return (
        f"{3 * size / 1e9:,.0f} GB for the files as they came, converted and published; "
        f"{2 * size / 1e9:,.0f} where each goes when the next are there"
    )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds >= 60 else f"{seconds:.2g} s"


def _speed_rows(made: Plan, shape: Shape) -> list[tuple[str, str]]:
    rows = []
    if made.roofline is not None:
        rows += [
            ("roofline, one", f"{made.roofline.one_stream:,.0f} tokens/s for one stream"),
            ("roofline, full", f"{made.roofline.full:,.0f} tokens/s with the cache full"),
            (
                "prefill",
                f"{made.roofline.prefill_seconds:.2g} s for a prompt of {shape.context} tokens",
            ),
        ]
    summed = made.all_reduce
    if summed is not None and summed.count:
        rows.append(
            (
                "all-reduces",
                f"{summed.count} a step of {summed.bytes_per_sequence:,} bytes a sequence, "
                f"{'over nodes' if summed.crosses_nodes else 'in a node'}: "
                f"{summed.seconds * 1e3:.1f} ms, {summed.share:.0%} of one stream's step",
            )
        )
    return rows


def _told(split: Split, made: Plan) -> str:
    marks = [
        "fastest for one stream" if split == made.fastest_stream else "",
        "most in all" if split == made.fastest_full else "",
        "fastest prefill" if split == made.fastest_prefill else "",
    ]
    said = ", ".join(mark for mark in marks if mark)
    speeds = (
        f"{split.one_stream:,.0f} tokens/s for one stream, {split.full:,.0f} in all, "
        f"prefill {split.prefill_seconds:.2g} s"
    )
    return f"{speeds}{f' ({said})' if said else ''}"
