"""Take requests and return token events.

One thread calls ``step``; ``submit``, ``set_priority`` and ``cancel`` may be called from any. The
lock is held while a step is planned and its outputs are taken in, not while the model runs. A
sample cancelled meanwhile still writes into blocks that are free by then: they get a new owner only
in the next plan, which comes after those writes.
"""

import secrets
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from collections.abc import Sequence as Several
from pathlib import Path
from typing import Any, Self

from inference.capabilities import NATIVE
from inference.config import OptConfig
from inference.distributed.executor_for import executor_for
from inference.distributed.messages import LoadModel
from inference.engine.block_manager import BlockManager
from inference.engine.model_runner import BLOCK_SIZE
from inference.engine.outputs import EngineRequest, EngineStats, RequestOutput, TokenEvent
from inference.engine.request import LiveRequests, live_samples
from inference.engine.sampling_params import SamplingParams
from inference.engine.scheduler import Scheduler, num_scheduled_tokens
from inference.engine.step import execute_batch
from inference.engine.validation import Prompt, RequestValidator, as_list, empty_output
from inference.errors import EngineClosed
from inference.interp.spec import Capture, Intervention
from inference.interp.values import with_own_tensors
from inference.model.layout import Layout
from inference.model_files.generation_config import GenerationConfig
from inference.tokenizer import Tokenizer


class Engine:
    """Serves the model of one checkpoint directory. Options are named as in vLLM.

    max_model_len: None for the config's. max_num_batched_tokens: tokens computed per step; longer
    prompts are computed in chunks. kv_cache_memory_bytes: for each rank; None for 1 GiB on a CPU,
    90 % of the free memory on a GPU. rank_timeout_seconds: how long ranks wait for each other
    within a step. max_capture_bytes: what one request may copy out of the model; a request for more
    is refused before it fills the memory. clock: deadlines are readings of it.

    Raises ConfigError, TokenizerError, CheckpointError, LayoutError, RanksFailed; ValueError for
    options. Several ranks are started here, or by torchrun. Under torchrun only rank 0 gets an
    engine; in the others this call serves rank 0 until it ends, then raises SystemExit.
    """

    capabilities = NATIVE

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
        tokenizer_size = self.tokenizer.vocab_size if self.tokenizer else None
        self._executor = executor_for(
            LoadModel(
                model=str(model),
                dtype=dtype,
                max_num_seqs=max_num_seqs,
                max_model_len=max_model_len,
                kv_cache_memory_bytes=kv_cache_memory_bytes,
                sampled_vocab_size=self.config.sampled_vocab_size(tokenizer_size),
            ),
            self.config,
            tensor_parallel_size,
            pipeline_parallel_size,
            device,
            rank_timeout_seconds,
        )
        self.max_model_len = self.config.model_len(max_model_len)
        self._block_manager = BlockManager(self._executor.num_blocks, BLOCK_SIZE)
        self._scheduler = Scheduler(
            self._block_manager,
            max_num_seqs=max_num_seqs,
            # at least a token for each running sample, so that all of them get on in every step
            max_batched_tokens=max(max_num_batched_tokens, max_num_seqs),
            max_model_len=self.max_model_len,
        )
        self._validator = RequestValidator(
            self.config,
            self.tokenizer,
            self.max_model_len,
            self._scheduler.require_fits,
            max_capture_bytes,
            Layout(pipeline_size=pipeline_parallel_size, rank=pipeline_parallel_size - 1).layers(
                self.config.num_hidden_layers
            ),
            with_own_tensors,
        )
        self._clock = clock
        self._lock = threading.Lock()
        self._live = LiveRequests(self._scheduler)
        self._pending_events: list[TokenEvent] = []
        self._num_scheduled_tokens: dict[str, int] = {}
        self._closed = False

    def submit(self, request: EngineRequest) -> str:
        """Queue a request and return its id. Raises ValueError, PromptTooLong, EngineClosed."""
        # before the lock is taken: checking a long prompt takes a while
        request = self._validator.checked(request)
        request_id = request.request_id or uuid.uuid4().hex
        seed = request.sampling.seed
        if seed is None:
            seed = secrets.randbits(63)
        ends = self.generation_config.eos_token_ids
        samples = live_samples(request, request_id, seed, self.tokenizer, ends)
        with self._lock:
            self._require_open()
            if request_id in self._live:
                raise ValueError(f"request id {request_id!r} is in use")
            self._live.add(request_id, samples)
        return request_id

    def step(self) -> list[TokenEvent]:
        """Compute one batch and return its events, after those that were pending."""
        with self._lock:
            self._pending_events += self._live.end_overdue(self._clock())
            batch = self._scheduler.schedule()
            self._num_scheduled_tokens = num_scheduled_tokens(batch)
        outputs = execute_batch(self._executor, batch)
        with self._lock:
            new = [self._live.take_in(row, out) for row, out in zip(batch, outputs, strict=True)]
            events, self._pending_events = self._pending_events, []
        return events + [event for event in new if event is not None]

    def cancel(self, request_id: str) -> bool:
        """End a request and free its blocks. The next step returns its "abort" events.

        Returns False for an id that is unknown or finished.
        """
        with self._lock:
            events = self._live.cancel(request_id)
            self._pending_events += events
        return bool(events)

    def set_priority(self, request_id: str, priority: int) -> bool:
        """Have a request go earlier or later from the next step on, as its priority says.

        A running one may so be preempted, and goes on later where it stood. Returns False for an id
        that is unknown or finished.
        """
        with self._lock:
            return self._live.set_priority(request_id, priority)

    @property
    def has_work(self) -> bool:
        """Tell whether ``step`` would compute or return anything."""
        with self._lock:
            return bool(self._pending_events) or self._scheduler.has_work

    def stats(self) -> EngineStats:
        """Return what runs and waits now, how full the KV cache is, and what the last step was."""
        with self._lock:
            block_manager, scheduler = self._block_manager, self._scheduler
            return EngineStats(
                scheduler.running,
                scheduler.waiting,
                block_manager.num_free,
                block_manager.num_blocks,
                BLOCK_SIZE,
                scheduler.preemptions,
                self._num_scheduled_tokens,
            )

    def close(self) -> None:
        """Drop all requests without events and refuse new ones. A second call does nothing."""
        with self._lock:
            self._live.drop_all()
            self._pending_events, self._closed = [], True
        self._executor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def prompt_token_ids(self, prompt: Prompt) -> list[int]:
        """Return a prompt's ids, as ``generate`` takes them.

        Raises ValueError for an empty prompt, ids that the model doesn't have, and text where it
        has no tokenizer.
        """
        return self._validator.prompt_token_ids(prompt)

    def generate(
        self,
        prompts: Prompt | Several[Prompt],
        sampling_params: SamplingParams | Several[SamplingParams] | None = None,
        *,
        captures: Several[Capture] = (),
        interventions: Several[Intervention] = (),
    ) -> list[RequestOutput]:
        """Run prompts (text or ids) to their ends and return their outputs, in their order.

        sampling_params: for all prompts, or one for each. captures, interventions: the same for
        every prompt; with ``run`` each request has its own. All are checked first: a bad one raises
        ValueError naming its index, and none is run.
        """
        several = as_list(prompts)
        requests = self._validator.requests(several, sampling_params, captures, interventions)
        outputs = self.run(requests)
        for prompt, output in zip(several, outputs, strict=True):
            output.prompt = prompt if isinstance(prompt, str) else None
        return outputs

    def run(self, requests: Several[EngineRequest]) -> list[RequestOutput]:
        """Run requests in one batch to their ends and return their outputs, in their order.

        Checks all first, as ``generate`` does. No other thread may call ``step`` meanwhile.
        """
        checked = self._validator.all_checked(requests)
        outputs: dict[str, RequestOutput] = {}
        try:
            for request in checked:
                request_id = self.submit(request)
                outputs[request_id] = empty_output(request_id, request)
            unfinished = sum(request.sampling.n for request in checked)
            while unfinished:
                for event in self._events_of(outputs.keys()):
                    outputs[event.request_id].add(event)
                    unfinished -= event.finish_reason is not None
        finally:  # after an error or Ctrl-C, too, nothing of these requests goes on
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
        """Return an iterator over one prompt's events; leaving it early cancels the request.

        A bad prompt raises ValueError here, before the first event is asked for.
        """
        [request] = self._validator.requests([prompt], sampling_params, captures, interventions)
        return self._stream(request)

    def _stream(self, request: EngineRequest) -> Iterator[TokenEvent]:
        request_id, unfinished = self.submit(request), request.sampling.n
        try:
            while unfinished:
                for event in self._events_of({request_id}):
                    unfinished -= event.finish_reason is not None
                    yield event
        finally:
            self._forget({request_id})

    def _events_of(self, request_ids: Collection[str]) -> list[TokenEvent]:
        """Run a step and return these requests' events; those of others stay pending."""
        self._require_open()
        events = self.step()
        with self._lock:
            self._pending_events += [
                event for event in events if event.request_id not in request_ids
            ]
        return [event for event in events if event.request_id in request_ids]

    def _forget(self, request_ids: set[str]) -> None:
        for request_id in request_ids:
            self.cancel(request_id)
        with self._lock:
            self._pending_events = [
                event for event in self._pending_events if event.request_id not in request_ids
            ]

    def _require_open(self) -> None:
        if self._closed:
            raise EngineClosed("the engine is closed")
