"""Start ``vllm serve`` on a folder, wait until it answers, and end it."""

import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from inference.errors import EngineDied, EngineNotStarted

log = logging.getLogger(__name__)
MODEL = "model"  # the name under which it serves what it was given
LOOK_SECONDS = 0.2
END_SECONDS = 15.0
LINES_KEPT = 200
PREFIX = re.compile(r"^(\(\S+ pid=\d+\) )?([A-Z]+ \d\d-\d\d [\d:]+ \[[^\]]+\])?")
ERROR = re.compile(r"[\w.]*(Error|Exception)\b: ")
# Of what the worker's environment holds, these are secrets that vLLM has no use for, or would make
# its interpreter look for our packages.
WITHHELD = ("WEIGHTGATE_", "DJANGO_", "AWS_", "DATABASE_URL", "REDIS_URL", "SENTRY_", "PYTHON",
            "VIRTUAL_ENV")  # fmt: skip
OWN_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
QUIET = {"VLLM_LOGGING_LEVEL": "WARNING"}  # unless the environment says otherwise
# A model's generation_config may bound every answer; requests here say what they want themselves.
OVERRIDES = '{"max_new_tokens": null}'


@dataclass(frozen=True)
class VllmOptions:
    """The way in which vLLM is started.

    command: of vLLM. arguments: more of ``vllm serve``, which come last and so win.
    """

    command: str = "vllm"
    arguments: Sequence[str] = ()
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    dtype: str = "auto"
    max_num_seqs: int = 32
    start_seconds: float = 1800.0

    def serve(self, folder: Path, socket: Path) -> list[str]:
        """Return the command that serves a folder at a socket."""
        return [
            self.command,
            "serve",
            str(folder),
            *("--uds", str(socket)),
            *("--served-model-name", MODEL),
            *("--tensor-parallel-size", str(self.tensor_parallel_size)),
            *("--pipeline-parallel-size", str(self.pipeline_parallel_size)),
            *("--dtype", self.dtype),
            *("--max-num-seqs", str(self.max_num_seqs)),
            *("--scheduling-policy", "priority"),
            *("--override-generation-config", OVERRIDES),
            "--disable-uvicorn-access-log",
            *self.arguments,
        ]


class VllmServer:
    """A running ``vllm serve``, which only this process reaches.

    It listens at a socket in a folder that is closed to other users, since not all of its paths ask
    for the key. Raises EngineNotStarted, in vLLM's last words, if it doesn't come to answer.
    """

    def __init__(
        self,
        folder: Path,
        options: VllmOptions,
        while_waiting: Callable[[], object] = lambda: None,
    ) -> None:
        self.api_key = secrets.token_urlsafe(32)
        self._home = Path(tempfile.mkdtemp(prefix="vllm-"))
        self.socket = self._home / "socket"
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._closed = False
        try:
            self._process = self._start(options.serve(folder.resolve(), self.socket))
        except OSError as error:
            shutil.rmtree(self._home, ignore_errors=True)
            raise EngineNotStarted(f"{options.command} can't be started: {error}") from error
        self._reader = threading.Thread(target=self._read, name="vllm-output", daemon=True)
        self._reader.start()
        try:
            self._wait(options.start_seconds, while_waiting)
        except BaseException:
            self.close()
            raise

    @property
    def headers(self) -> dict[str, str]:
        """Headers by which requests are let in."""
        return {"Authorization": f"Bearer {self.api_key}"}

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is gone."""
        return self._process.poll() is not None

    def death(self) -> EngineDied:
        """Return the error that says that it is gone, with its last words."""
        return EngineDied(f"vLLM ended (status {self._process.poll()}): {self.last_words}")

    @property
    def last_words(self) -> str:
        """Return the last error that it wrote, else its last line; all of it is in the log."""
        lines = [line for line in map(_without_prefix, list(self._lines)) if line]
        errors = [line for line in lines if ERROR.match(line)]
        return (errors or lines or ["it wrote nothing"])[-1]

    def close(self) -> None:
        """End it with all of its processes. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(END_SECONDS)
        shutil.rmtree(self._home, ignore_errors=True)

    def _start(self, command: list[str]) -> subprocess.Popen[str]:
        executable = shutil.which(command[0])
        if executable is None:
            raise FileNotFoundError(f"there is no such program: {command[0]}")
        runner = str(Path(__file__).with_name("child_process.py"))
        return subprocess.Popen(
            [sys.executable, runner, executable, *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=self._home,
            env=environment(os.environ) | {"VLLM_API_KEY": self.api_key},
            start_new_session=True,
        )

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  # it was made with a pipe
        for line in self._process.stdout:
            self._lines.append(line.rstrip())
            log.info("vLLM: %s", line.rstrip())

    def _wait(self, seconds: float, while_waiting: Callable[[], object]) -> None:
        until = time.monotonic() + seconds
        transport = httpx2.HTTPTransport(uds=str(self.socket))
        with httpx2.Client(transport=transport, base_url="http://vllm", timeout=5.0) as client:
            while not self._answers(client):
                if self.has_ended:
                    self._reader.join(END_SECONDS)
                    status = self._process.poll()
                    raise EngineNotStarted(f"vLLM ended (status {status}): {self.last_words}")
                if time.monotonic() > until:
                    raise EngineNotStarted(
                        f"vLLM did not answer within {seconds:.0f} s: {self.last_words}"
                    )
                while_waiting()
                time.sleep(LOOK_SECONDS)

    def _answers(self, client: httpx2.Client) -> bool:
        try:
            return bool(client.get("/health").status_code == httpx2.codes.OK)
        except httpx2.TransportError:
            return False


def _without_prefix(line: str) -> str:
    """Leave out what vLLM's log puts before each line: process, level, time and place."""
    return PREFIX.sub("", line).strip()


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that vLLM gets of this process's own."""
    passed_on = {name: value for name, value in ours.items() if not name.startswith(WITHHELD)}
    return QUIET | passed_on | OWN_ENVIRONMENT
