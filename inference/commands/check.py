"""Try a checkpoint: every weight is finite, and the engine loads it and generates.

What this engine doesn't know is read in full, and said to be no more than that.
"""

import argparse
import json
import math
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from inference.commands.reading import (
    add_rank_arguments,
    add_reading_arguments,
    positive_int,
    read_options,
)
from inference.config import OptConfig
from inference.engine.outputs import EngineRequest
from inference.engine.sampling_params import SamplingParams
from inference.errors import CheckpointError, ConfigError, EngineNotStarted
from inference.model.layout import ranks_within
from inference.model_files.config_checks import is_opt_folder
from inference.terminal import counted

if TYPE_CHECKING:
    from torch import Tensor

    from inference.checkpoints.sources.forms import Form
    from inference.checkpoints.sources.source import ReadOptions

HELP = "load a checkpoint, look for NaN and infinity, and generate a few tokens"
PROMPT = "The first"
PROMPT_IDS = (2, 5)
LISTED_AT_MOST = 20
# In what vLLM says of an architecture that it doesn't have.
UNKNOWN_TO_VLLM = ("are not supported for now", "has no vLLM implementation", "model type `")
WEIGHT_FILES = ("*.safetensors", "*pytorch_model*.bin", "adapter_model*.bin")


@dataclass(frozen=True)
class CheckResult:
    """The findings; ``not_loaded`` says why the engine couldn't try, and generated nothing."""

    tensors: int
    not_loaded: str = ""
    token_ids: list[int] = field(default_factory=list)
    text: str = ""
    ranks: int = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("directory", metavar="DIR", help="checkpoint folder, or one of its files")
    parser.add_argument("--max-tokens", type=positive_int, default=8, help="tokens to generate (8)")
    parser.add_argument(
        "--dtype", default="float32", help="float32, bfloat16, float16, or int8 on CPUs (float32)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--vllm", metavar="COMMAND", help="load it in vLLM, by its command")
    parser.add_argument(
        "--vllm-args", default="", metavar="ARGUMENTS", help="more of `vllm serve`, as in a shell"
    )
    parser.add_argument(
        "--vllm-start-seconds", type=positive_int, default=1800, help="for vLLM to answer (1800)"
    )
    add_rank_arguments(parser, bound=", at most: fewer where the model or the machine has fewer")
    add_reading_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the result. Raises InferenceError naming every weight that can't be right."""
    from inference.checkpoints.sources.forms import find_form

    folder = Path(arguments.directory)
    # of metaseq's files the engine loads none, so these are only read
    if folder.is_dir() and weight_paths(folder):
        result = _check_folder(folder, arguments)
    else:
        form = find_form(folder)
        if form.is_transformers:
            result = _check_folder(form.folder, arguments)
        else:
            result = _check_metaseq(form, read_options(arguments))
    print(json.dumps(asdict(result)) if arguments.json else _sentence(result))
    return 0


def _check_folder(folder: Path, arguments: argparse.Namespace) -> CheckResult:
    tensors = require_finite(folder)
    if arguments.vllm:
        return _generate_in_vllm(folder, tensors, arguments)
    try:
        config = OptConfig.from_directory(folder)
    except ConfigError as error:
        if is_opt_folder(folder):
            raise
        return CheckResult(tensors, not_loaded=str(error))
    require_holds(folder, arguments.dtype)
    return _generate(folder, config, tensors, arguments)


def _check_metaseq(form: "Form", options: "ReadOptions") -> CheckResult:
    """Compare the weights with the config and read them all; the engine loads no such files."""
    from inference.checkpoints.examine import examine
    from inference.checkpoints.sources.source import config_for, open_source, require_matches

    source = open_source(form, options)
    require_matches(source, config_for(source, options), options.tolerance)
    dtypes = {name: weight.dtype for name, weight in source.weights.items()}
    examine(source, dtypes, check_crc=True, advance=lambda size: None)
    return CheckResult(len(source.weights), not_loaded="they are metaseq's: `convert` them first")


def weight_paths(folder: Path) -> list[Path]:
    """Find all files of weights that transformers' libraries write, in folders of it too."""
    return sorted(path for pattern in WEIGHT_FILES for path in folder.rglob(pattern))


def require_finite(folder: Path) -> int:
    """Read every tensor of every file of weights, and count them. Raises CheckpointError."""
    from inference.checkpoints.casting import is_finite

    wrong, count = [], 0
    for path in weight_paths(folder):
        for name, tensor in _read(path):
            count += 1
            if not is_finite(tensor):
                wrong.append(f"{name} in {path.relative_to(folder)} holds NaN or infinity")
    _require_none(wrong)
    return count


def require_holds(folder: Path, dtype: str) -> None:
    """Check that the dtype can hold every weight that the engine loads.

    Raises CheckpointError naming weights with numbers beyond it; ValueError for an unknown dtype.
    """
    from inference.checkpoints.casting import can_hold, largest_of, overflow
    from inference.model.loader import weights_dtype

    target = weights_dtype(dtype)
    wrong = []
    for path, name, tensor in _loaded(folder):
        if tensor.is_floating_point() and not can_hold(target, tensor.dtype):
            over = overflow(f"{name} in {path.name}", largest_of(tensor), target)
            wrong += [] if over is None else [f"{over}: give another --dtype"]
    _require_none(wrong)


def _loaded(folder: Path) -> "Iterator[tuple[Path, str, Tensor]]":
    """Yield the model's weights with their files and stored names."""
    from inference.model.weight_files import model_weights, open_weight_files

    for file, weight in model_weights(open_weight_files(folder)):
        yield file.path, weight.stored_name, file.tensor(weight.stored_name)


def _require_none(wrong: list[str]) -> None:
    if wrong:
        more = [f"and {len(wrong) - LISTED_AT_MOST} more"] if len(wrong) > LISTED_AT_MOST else []
        raise CheckpointError("\n  ".join(wrong[:LISTED_AT_MOST] + more))


def _read(path: Path) -> "Iterator[tuple[str, Tensor]]":
    """Yield each tensor with its name. Raises CheckpointError."""
    from inference.checkpoints.sources.pickles import damaged_records
    from inference.model.weight_files import BinFile, SafetensorsFile

    file = BinFile(path) if path.suffix == ".bin" else SafetensorsFile(path)
    if path.suffix == ".bin" and (damaged := damaged_records(path)):
        raise CheckpointError(
            f"{path} is not as it was written (CRC-32 of {', '.join(damaged[:3])}): fetch it again"
        )
    for weight in file.weights():
        yield weight.stored_name, file.tensor(weight.stored_name)


def _generate(
    folder: Path, config: OptConfig, tensors: int, arguments: argparse.Namespace
) -> CheckResult:
    """Generate greedy tokens, and check that each has a finite logprob."""
    from inference.engine.engine import Engine

    params = SamplingParams(
        max_tokens=arguments.max_tokens, temperature=0.0, ignore_eos=True, logprobs=1
    )
    tensor, pipeline = _ranks(config, arguments)
    with Engine(
        folder,
        tensor_parallel_size=tensor,
        pipeline_parallel_size=pipeline,
        dtype=arguments.dtype,
        device=arguments.device,
        max_num_seqs=1,
        rank_timeout_seconds=arguments.rank_timeout,
    ) as engine:
        prompt = PROMPT if engine.tokenizer else list(PROMPT_IDS)
        ids = engine.prompt_token_ids(prompt)
        room = engine.max_model_len - len(ids)
        if arguments.max_tokens > room:
            raise ValueError(
                f"--max-tokens is {arguments.max_tokens}, and the model has room for "
                f"{counted(room, 'token')} after the prompt that is tried: give {room} at most"
            )
        sample = engine.generate([ids], params)[0].outputs[0]
    logprobs = [entry.logprob for entries in sample.logprobs or [] for entry in entries.values()]
    if not logprobs or not all(map(math.isfinite, logprobs)):
        raise CheckpointError(_no_number(folder, arguments.dtype))
    ids = list(sample.token_ids)
    return CheckResult(tensors, token_ids=ids, text=sample.text, ranks=tensor * pipeline)


def _generate_in_vllm(folder: Path, tensors: int, arguments: argparse.Namespace) -> CheckResult:
    """Have vLLM load the folder and generate one token, and end it.

    Raises EngineNotStarted in vLLM's words; an architecture that vLLM doesn't have is no fault.
    """
    from inference.vllm.engine import VllmEngine
    from inference.vllm.server import VllmOptions

    options = VllmOptions(
        command=arguments.vllm,
        arguments=shlex.split(arguments.vllm_args),
        tensor_parallel_size=arguments.tp,
        pipeline_parallel_size=arguments.pp,
        max_num_seqs=1,
        start_seconds=arguments.vllm_start_seconds,
    )
    try:
        engine = VllmEngine(folder, options)
    except EngineNotStarted as error:
        if any(sign in str(error) for sign in UNKNOWN_TO_VLLM):
            return CheckResult(tensors, not_loaded=str(error))
        raise
    with engine:
        ids = engine.tokenizer.encode(PROMPT) if engine.tokenizer else list(PROMPT_IDS)
        params = SamplingParams(max_tokens=1, temperature=0.0, ignore_eos=True, logprobs=0)
        engine.submit(EngineRequest(ids or list(PROMPT_IDS), params))
        events = []
        while engine.has_work:
            events += engine.step()
    if failures := [event.error for event in events if event.error]:
        raise CheckpointError(f"vLLM loads it and generates nothing: {failures[0]}")
    tokens = [token for event in events for token in event.token_ids]
    text = "".join(event.text for event in events)
    ranks = arguments.tp * arguments.pp
    return CheckResult(tensors, token_ids=tokens, text=text, ranks=ranks)


def _no_number(folder: Path, dtype: str) -> str:
    """Say that logits aren't finite, which weight has the greatest number, and what to do."""
    from inference.checkpoints.casting import largest_of

    sizes = ((largest_of(tensor), name, path.name) for path, name, tensor in _loaded(folder))
    largest, name, file = max(sizes)
    remedy = "fetch the file again, or train on from a checkpoint before it diverged"
    if dtype == "float16":
        remedy = f"try --dtype float32 or bfloat16, whose numbers go further; else {remedy}"
    return (
        f"the model loads, and what it generates is no number: {dtype} logits are not finite. The "
        f"weights' greatest number is {largest:.4g}, in {name} ({file}): {remedy}"
    )


def _ranks(config: OptConfig, arguments: argparse.Namespace) -> tuple[int, int]:
    """Lower the ranks asked for to what the model has parts for and the machine has GPUs for."""
    import torch

    on_gpu = torch.device(arguments.device).type == "cuda"
    devices = torch.cuda.device_count() if on_gpu else None
    return ranks_within(config, arguments.tp, arguments.pp, devices)


def _sentence(result: CheckResult) -> str:
    if result.not_loaded:
        return (
            f"{counted(result.tensors, 'tensor')} read, all finite. The engine did not load them: "
            f"{result.not_loaded}"
        )
    over = f" over {result.ranks} ranks" if result.ranks > 1 else ""
    tensors = counted(result.tensors, "tensor")
    return f"{tensors}, all finite; generated{over} {result.token_ids}: {result.text!r}"
