"""Run engines as processes, each in its own environment, answering one request at a time."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from inference.errors import InferenceError

ROOT = Path(__file__).parents[2]
PEERS = Path(__file__).parent / "peers"
OURS = "weightgate"
OTHERS = ("transformers", "ctranslate2", "vllm")
UNWANTED = {"vllm": ("torchvision", "torchaudio", "torchcodec")}  # CUDA builds that don't import
START_SECONDS = 300.0
ANSWER_SECONDS = 300.0


class PeerFailed(InferenceError):
    """A peer could not be set up or started, died, or did not answer in time."""


@dataclass(frozen=True)
class Setup:
    """The configuration of one engine. name: OURS or one of OTHERS. threads: of each rank."""

    name: str
    dtype: str = "float32"
    threads: int = 1
    max_num_seqs: int = 8
    tensor_parallel_size: int = 1

    @property
    def label(self) -> str:
        """Name of the engine in tables."""
        ranks = self.tensor_parallel_size
        return f"{self.name} {self.dtype}" + (f", {ranks} ranks" if ranks > 1 else "")


@dataclass(frozen=True)
class PeerAnswer:
    """The wall and CPU seconds of one request, and each prompt's new tokens."""

    seconds: float
    cpu_seconds: float
    token_ids: list[list[int]]


class Peer:
    """A running engine. Raises PeerFailed when it can't start."""

    def __init__(self, setup: Setup, python: Path, model: Path) -> None:
        self.setup = setup
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [python, _script(setup.name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env=_environment_variables(setup.threads),
        )
        options = {
            "model": str(model),
            "dtype": setup.dtype,
            "threads": setup.threads,
            "max_num_seqs": setup.max_num_seqs,
            "tensor_parallel_size": setup.tensor_parallel_size,
        }
        try:
            self._ask(options, START_SECONDS)
        except PeerFailed:
            self.close()
            raise
        self.start_seconds = time.perf_counter() - began

    def generate(self, prompts: Sequence[list[int]], new_tokens: Sequence[int]) -> PeerAnswer:
        """Continue prompts greedily by so many new tokens each."""
        answer = self._ask({"prompts": prompts, "new_tokens": new_tokens}, ANSWER_SECONDS)
        return PeerAnswer(answer["seconds"], answer["cpu_seconds"], answer["token_ids"])

    def call(self, name: str) -> Any:
        """Return one of this engine's peer's measurements of the machine."""
        return self._ask({"call": name}, ANSWER_SECONDS)["result"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _ask(self, request: dict[str, Any], limit_seconds: float) -> dict[str, Any]:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None  # noqa: S101 - it was made with pipes
        assert answers is not None  # noqa: S101
        timer = threading.Timer(limit_seconds, self._process.kill)
        timer.start()
        try:
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            line = answers.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise PeerFailed(f"{self.setup.label} ended, or took over {limit_seconds:.0f} s")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise PeerFailed(f"{self.setup.label}: {answer['error']}")
        return answer


def environment(name: str, home: Path) -> Path:
    """Return the Python that runs a peer, after making its environment. Raises PeerFailed.

    home: folder of all such environments; remove it to have them made anew.
    """
    if name == OURS:
        return Path(sys.executable)
    folder, ready = home / name, home / name / ".ready"
    if not ready.is_file():
        requirements = PEERS / f"{name}.txt"
        made = subprocess.run(
            ["scripts/environment", folder, requirements], cwd=ROOT, check=False, stdout=sys.stderr
        )
        unwanted = UNWANTED.get(name, ())
        if made.returncode == 0 and unwanted:
            pip = str(folder / "bin/pip")
            made = subprocess.run(
                [pip, "uninstall", "-q", "-y", *unwanted], check=False, stdout=sys.stderr
            )
        if made.returncode:
            raise PeerFailed(f"the environment of {name} could not be made from {requirements}")
        ready.touch()
    return folder / "bin/python"


def _script(name: str) -> Path:
    return PEERS / (f"{name}.py" if name == OURS else f"{name}_peer.py")


def _environment_variables(threads: int) -> dict[str, str]:
    """Set the number of threads, and let waiting ones sleep: spinning would slow other peers."""
    return os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
