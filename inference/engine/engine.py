"""The engine: requests in, token events out.

One thread calls ``step``; ``submit`` and ``cancel`` may come from any. The lock is held while
work is planned and told, not while the model runs: blocks freed meanwhile are handed out only
by the next plan, so a cancelled sample's last writes harm nobody.
"""

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any, Self

from inference.config import OptConfig
from inference.distributed.executor_for import place
from inference.distributed.messages import Load
from inference.engine.block_manager import BlockLedger
from inference.engine.model_runner import BLOCK_SIZE
from inference.engine.outputs import EngineRequest, EngineStats, RequestOutput, TokenEvent
from inference.engine.request import LiveSample, live_samples
from inference.engine.sampling_params import SamplingParams
from inference.engine.scheduler import Scheduler
from inference.engine.sequence import Sequence
from inference.engine.step import Outcome, compute
from inference.engine.validation import Intake, Prompt, as_list, empty_output
from inference.errors import EngineClosed
from inference.interp.spec import Capture, Intervention
from inference.model_files.generation_config import GenerationConfig
from inference.tokenizer import Tokenizer


class Engine:
    """Serves one checkpoint directory. Options are named as vLLM names them.

    max_model_len: None for the config's. max_num_batched_tokens: tokens computed per step, so
    long prompts come in pieces. kv_cache_memory_bytes: each rank's; None for 1 GiB on a CPU, 90 %
    of what is free on a GPU. rank_timeout_seconds: how long ranks wait for each other within a
    step. max_capture_bytes: what one request may copy out of the model, so that it is refused
    before it fills the memory. clock: what deadlines are read on. Raises ConfigError,
    TokenizerError, CheckpointError, LayoutError, RanksFailed; ValueError for options.

    More ranks than one are started here, or by torchrun; under torchrun only rank 0 gets an
    engine, and in the others this call serves rank 0 until it ends, then raises SystemExit.
    """

    def __init__(
        self,
        model: str | Path,
        tensor_parallel_size: int = 1,
        pipeline_parallel_size: int = 1,
        dtype: str = "float32",
        device: str = "cpu",
        max_num_seqs: int = 32,
        max_model_len: int | None = None,
        *,
        max_num_batched_tokens: int = 512,
        kv_cache_memory_bytes: int | None = None,
        rank_timeout_seconds: float = 120.0,
        max_capture_bytes: int = 2**30,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = OptConfig.from_directory(model)
        self.generation_config = GenerationConfig.from_directory(model)
        self.tokenizer = Tokenizer.find(model)
        known = self.tokenizer.vocab_size if self.tokenizer else None
        self._runner = place(
            Load(
                model=str(model),
                dtype=dtype,
                max_num_seqs=max_num_seqs,
                max_model_len=max_model_len,
                kv_cache_memory_bytes=kv_cache_memory_bytes,
                drawable=self.config.drawable_tokens(known),
            ),
            self.config,
            tensor_parallel_size,
            pipeline_parallel_size,
            device,
            rank_timeout_seconds,
        )
        self.max_model_len = self.config.model_len(max_model_len)
        self._ledger = BlockLedger(self._runner.blocks, BLOCK_SIZE)
        self._scheduler = Scheduler(
            self._ledger,
            max_num_seqs=max_num_seqs,
            max_batched_tokens=max(max_num_batched_tokens, max_num_seqs),
            max_model_len=self.max_model_len,
        )
        self._intake = Intake(
            self.config,
            self.tokenizer,
            self.max_model_len,
            self._scheduler.require_fits,
            max_capture_bytes,
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._live: dict[str, dict[int, LiveSample]] = {}
        self._untold: list[TokenEvent] = []
        self._closed = False

    def submit(self, request: EngineRequest) -> str:
        """Queue a request and return its id. Raises ValueError, PromptTooLong, EngineClosed."""
        request = self._intake.checked(request)
        request_id = request.request_id or uuid.uuid4().hex
        given = request.sampling.seed
        seed = secrets.randbits(63) if given is None else given
        ends = self.generation_config.eos_token_ids
        samples = live_samples(request, request_id, seed, self.tokenizer, ends)
        with self._lock:
            self._require_open()
            if request_id in self._live:
                raise ValueError(f"request id {request_id!r} is in use")
            self._live[request_id] = samples
            for sample in samples.values():
                self._scheduler.add(sample.sequence)
        return request_id

    def step(self) -> list[TokenEvent]:
        """Compute one batch and return its news, with any that waited to be told."""
        with self._lock:
            self._end_overdue()
            batch = self._scheduler.schedule()
        outcomes = compute(self._runner, batch, self.tokenizer)
        with self._lock:
            told = [self._tell(outcome) for outcome in outcomes]
            events, self._untold = self._untold, []
        return events + [event for event in told if event is not None]

    def cancel(self, request_id: str) -> bool:
        """End a request and free its blocks at once; the next step tells it as "abort".

        Returns False for an id that is unknown or finished.
        """
        with self._lock:
            samples = self._live.pop(request_id, {})
            for sample in samples.values():
                self._scheduler.finish(sample.sequence)
                self._untold.append(sample.end("abort"))
        return bool(samples)

    @property
    def has_work(self) -> bool:
        """Whether step would do or tell anything."""
        with self._lock:
            return bool(self._untold) or self._scheduler.has_work

    def stats(self) -> EngineStats:
        """Samples running and waiting, and the cache's blocks, now."""
        with self._lock:
            ledger, scheduler = self._ledger, self._scheduler
            return EngineStats(
                scheduler.running,
                scheduler.waiting,
                ledger.free,
                ledger.total,
                BLOCK_SIZE,
                scheduler.preemptions,
            )

    def close(self) -> None:
        """Drop all requests untold and refuse new ones. Twice is harmless."""
        with self._lock:
            for samples in self._live.values():
                for sample in samples.values():
                    self._scheduler.finish(sample.sequence)
            self._live, self._untold, self._closed = {}, [], True
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def prompt_token_ids(self, prompt: Prompt) -> list[int]:
        """Return a prompt's ids, as ``generate`` takes them.

        Raises ValueError for an empty prompt, ids that the model has not, and text where it has
        no tokenizer.
        """
        return self._intake.prompt_token_ids(prompt)

    def generate(
        self,
        prompts: Prompt | Several[Prompt],
        sampling_params: SamplingParams | Several[SamplingParams] | None = None,
        *,
        captures: Several[Capture] = (),
        interventions: Several[Intervention] = (),
    ) -> list[RequestOutput]:
        """Run prompts (text or ids) to their ends; outputs come in the prompts' order.

        sampling_params: how tokens are drawn and where text ends, for all or one for each prompt.
        captures, interventions: the same for every prompt; with ``run`` each has its own.
        Checks all first: raises ValueError naming the index of a bad prompt and runs none.
        """
        given = as_list(prompts)
        outputs = self.run(self._intake.requests(given, sampling_params, captures, interventions))
        for prompt, output in zip(given, outputs, strict=True):
            output.prompt = prompt if isinstance(prompt, str) else None
        return outputs

    def run(self, requests: Several[EngineRequest]) -> list[RequestOutput]:
        """Run requests in one batch to their ends; outputs come in their order.

        Checks all first, as ``generate`` does. Not for use while another thread calls step.
        """
        checked = self._intake.all_checked(requests)
        outputs: dict[str, RequestOutput] = {}
        try:
            for request in checked:
                request_id = self.submit(request)
                outputs[request_id] = empty_output(request_id, request)
            unfinished = sum(request.sampling.n for request in checked)
            while unfinished:
                for event in self._news_of(outputs.keys()):
                    outputs[event.request_id].add(event)
                    unfinished -= event.finish_reason is not None
        finally:
            self._forget(set(outputs))
        return list(outputs.values())

    def stream(
        self,
        prompt: Prompt,
        sampling_params: SamplingParams | None = None,
        *,
        captures: Several[Capture] = (),
        interventions: Several[Intervention] = (),
    ) -> Iterator[TokenEvent]:
        """Events of one prompt as they come; leaving the loop early cancels it.

        A bad prompt raises ValueError here, before the first event is asked for.
        """
        [request] = self._intake.requests([prompt], sampling_params, captures, interventions)
        return self._stream(request)

    def _stream(self, request: EngineRequest) -> Iterator[TokenEvent]:
        request_id, unfinished = self.submit(request), request.sampling.n
        try:
            while unfinished:
                for event in self._news_of({request_id}):
                    unfinished -= event.finish_reason is not None
                    yield event
        finally:
            self._forget({request_id})

    def _news_of(self, request_ids: Collection[str]) -> list[TokenEvent]:
        """One step's events of these requests; others' wait for whoever asks next."""
        self._require_open()
        events = self.step()
        with self._lock:
            self._untold += [event for event in events if event.request_id not in request_ids]
        return [event for event in events if event.request_id in request_ids]

    def _forget(self, request_ids: set[str]) -> None:
        for request_id in request_ids:
            self.cancel(request_id)
        with self._lock:
            self._untold = [e for e in self._untold if e.request_id not in request_ids]

    def _tell(self, outcome: Outcome) -> TokenEvent | None:
        """Note a row's outcome; None where it has no news (part of a prompt, or cancelled)."""
        sequence = outcome.row.sequence
        if sequence.finished:
            return None
        sample = self._live[sequence.request_id][sequence.index]
        self._scheduler.computed(outcome.row)
        event = sample.tell(outcome)
        if event is not None and event.finish_reason is not None:
            self._drop(sequence)
        return event

    def _end_overdue(self) -> None:
        for sequence in self._scheduler.overdue(self._clock()):
            sample = self._live[sequence.request_id][sequence.index]
            self._untold.append(sample.end("deadline"))
            self._drop(sequence)

    def _drop(self, sequence: Sequence) -> None:
        self._scheduler.finish(sequence)
        self._live[sequence.request_id].pop(sequence.index)
        if not self._live[sequence.request_id]:
            del self._live[sequence.request_id]

    def _require_open(self) -> None:
        if self._closed:
            raise EngineClosed("the engine is closed")
