"""The engine that workers use, with vLLM behind it."""

import asyncio
import logging
import queue
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2

from inference.capabilities import VLLM, require_capable
from inference.engine.outputs import EngineRequest, EngineStats, TokenEvent
from inference.errors import EngineClosed, EngineDied
from inference.logs import naming
from inference.tokenizer.any_tokenizer import find_tokenizer
from inference.vllm.client import VllmClient, VllmRefused
from inference.vllm.metrics import stats_of
from inference.vllm.server import VllmOptions, VllmServer
from inference.vllm.spelling import body_of, event_of, prompt_logprobs_of, scoring_body
from inference.vllm.validation import VllmValidator

log = logging.getLogger(__name__)
STEP_SECONDS = 0.1  # for which a step waits for tokens
METRICS_SECONDS = 2.0
EMPTY = EngineStats(0, 0, 0, 0, 0, 0)


@dataclass(eq=False)
class StreamedSample:
    """A sample that vLLM works on. ``scored``: its prompt's tokens count as computed already."""

    request: EngineRequest
    index: int
    work: "Future[None] | None" = None
    ended: bool = False
    scored: bool = False

    def event(self, event: TokenEvent) -> TokenEvent:
        """Return an event with the sample's names."""
        name = self.request.request_id or ""
        return replace(event, request_id=name, index=self.index)


@dataclass
class Arrivals:
    """A queue of what has come from vLLM, and no step has returned yet."""

    events: "queue.SimpleQueue[tuple[StreamedSample, TokenEvent] | None]" = field(
        default_factory=queue.SimpleQueue
    )

    def drain(self, seconds: float) -> list[tuple[StreamedSample, TokenEvent]]:
        """Wait for something to come, and return all that has."""
        arrived, wait = [], seconds
        try:
            while True:
                item = self.events.get(timeout=wait) if wait else self.events.get_nowait()
                wait = 0.0
                if item is not None:
                    arrived.append(item)
        except queue.Empty:
            return arrived


class VllmEngine:
    """A model in vLLM, used as the native engine is. Raises EngineNotStarted.

    vLLM schedules by itself: a step here waits for tokens, and returns those that have come. What
    it has no way to do is not among ``capabilities``, and requests for it are refused.
    """

    capabilities = VLLM

    def __init__(
        self,
        model: str | Path,
        options: VllmOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        while_starting: Callable[[], object] = lambda: None,
    ) -> None:
        folder = Path(model)
        self.tokenizer = find_tokenizer(folder)
        self._clock = clock
        self._server = VllmServer(folder, options, while_starting)
        self._client = VllmClient(self._server)
        self._lock = threading.Lock()
        self._live: dict[str, list[StreamedSample]] = {}
        self._pending_events: list[TokenEvent] = []
        self._arrivals = Arrivals()
        self._scheduled: Counter[str] = Counter()
        self._polled = EMPTY
        self._failure: EngineDied | None = None
        self._closed = False
        try:
            self.max_model_len = self._client.max_model_len()
            self._validator = VllmValidator(folder, self.tokenizer, self.max_model_len)
        except BaseException:
            self.close()
            raise
        self._client.start(self._poll())

    def submit(self, request: EngineRequest) -> str:
        """Queue a request and return its id. Raises ValueError, PromptTooLong, EngineClosed."""
        require_capable(request, self.capabilities)
        request = self._validator.checked(request)
        request_id = request.request_id or uuid.uuid4().hex
        request = replace(request, request_id=request_id)
        samples = [StreamedSample(request, index) for index in request.samples]
        with self._lock:
            if self._closed:
                raise EngineClosed("the engine is closed")
            if request_id in self._live:
                raise ValueError(f"request id {request_id!r} is in use")
            self._live[request_id] = samples
            for sample in samples:
                sample.work = self._client.start(self._follow(sample))
        return request_id

    def step(self) -> list[TokenEvent]:
        """Wait for tokens, a moment at most, and return the events that have come.

        Raises EngineDied once vLLM has ended, or answers no more.
        """
        with self._lock:
            pending, self._pending_events = self._pending_events, []
            pending += self._end_overdue()
        arrived = self._arrivals.drain(0.0 if pending else STEP_SECONDS)
        with self._lock:
            self._scheduled = Counter()
            events = [self._take(*item) for item in arrived if not item[0].ended]
            if not (events or pending):
                self._require_alive()
        return pending + events

    def cancel(self, request_id: str) -> bool:
        """End a request, and have vLLM drop it. The next step returns its "abort" events.

        Returns False for an id that is unknown or finished.
        """
        with self._lock:
            samples = self._live.pop(request_id, [])
            for sample in samples:
                self._pending_events += self._break_off(
                    sample, TokenEvent("", finish_reason="abort")
                )
        return bool(samples)

    def set_priority(self, request_id: str, priority: int) -> bool:
        """Return False: vLLM takes a priority with a request, and no other later."""
        del request_id, priority
        return False

    @property
    def has_work(self) -> bool:
        """Tell whether ``step`` would wait for or return anything, if only that vLLM is gone."""
        with self._lock:
            gone = self._failure is not None or self._server.has_ended
            return bool(self._pending_events or self._live) or gone

    def stats(self) -> EngineStats:
        """Return what runs and waits, as vLLM last said, and the tokens of the latest step."""
        with self._lock:
            return replace(self._polled, num_scheduled_tokens=dict(self._scheduled))

    def close(self) -> None:
        """Drop all requests without events, refuse new ones and end vLLM."""
        with self._lock:
            self._live, self._pending_events, self._closed = {}, [], True
        self._client.close()
        self._server.close()

    def __enter__(self) -> "VllmEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self, sample: StreamedSample, event: TokenEvent) -> TokenEvent:
        request = sample.request
        computed = len(event.token_ids)
        if not sample.scored:
            sample.scored, computed = True, computed + len(request.prompt_token_ids)
        self._scheduled[request.request_id or ""] += computed
        if event.finish_reason is not None:
            self._forget(sample)
        return event

    def _forget(self, sample: StreamedSample) -> None:
        sample.ended = True
        request_id = sample.request.request_id or ""
        left = [other for other in self._live.get(request_id, []) if not other.ended]
        if left:
            self._live[request_id] = left
        else:
            self._live.pop(request_id, None)

    def _break_off(self, sample: StreamedSample, last: TokenEvent) -> list[TokenEvent]:
        if sample.ended:
            return []
        sample.ended = True
        if sample.work is not None:
            sample.work.cancel()
        return [sample.event(last)]

    def _end_overdue(self) -> list[TokenEvent]:
        now, events = self._clock(), []
        for request_id, samples in list(self._live.items()):
            deadline = samples[0].request.deadline
            if deadline is not None and now >= deadline:
                del self._live[request_id]
                for sample in samples:
                    events += self._break_off(sample, TokenEvent("", finish_reason="deadline"))
        return events

    def _require_alive(self) -> None:
        if self._server.has_ended:
            raise self._server.death()
        if self._failure is not None:
            raise self._failure

    async def _follow(self, sample: StreamedSample) -> None:
        """Have one sample scored and generated, and pass on its events."""
        try:
            await self._run(sample)
        except VllmRefused as refusal:
            if refusal.fault:
                await self._suspect()
            self._fail(sample, str(refusal))
        except httpx2.HTTPError as error:
            self._failure = EngineDied(f"vLLM answers no more ({type(error).__name__})")
            self._arrivals.events.put(None)
        except Exception as error:
            name = sample.request.request_id or ""
            log.exception("a sample failed: request %s", name, extra=naming(name))
            self._fail(sample, f"the sample failed ({type(error).__name__})")

    async def _run(self, sample: StreamedSample) -> None:
        request, sampling = sample.request, sample.request.sampling
        if sampling.prompt_logprobs is not None and sample.index == 0:
            choice = await self._client.complete(scoring_body(request))
            scores = prompt_logprobs_of(choice, request, self._name)
            event = TokenEvent("", prompt_logprobs=scores)
            if not sampling.max_tokens:
                event = replace(event, finish_reason="length")
            self._put(sample, event)
        elif not sampling.max_tokens:
            self._put(sample, TokenEvent("", finish_reason="length"))
        if sampling.max_tokens:
            await self._generate(sample)

    async def _generate(self, sample: StreamedSample) -> None:
        ended = False
        async for choice in self._client.stream(body_of(sample.request, sample.index)):
            event = event_of(choice, sample.request, sample.index, self._name)
            if event.finish_reason in ("abort", "error"):
                raise VllmRefused("vLLM broke the sample off", code=500)
            ended = event.finish_reason is not None
            self._put(sample, event)
        if not ended:
            raise httpx2.RemoteProtocolError("the stream broke off")

    async def _suspect(self) -> None:
        """Look whether vLLM itself has failed, rather than one request."""
        if not await self._client.is_healthy():
            self._failure = EngineDied("vLLM is not healthy any more")

    def _put(self, sample: StreamedSample, event: TokenEvent) -> None:
        self._arrivals.events.put((sample, sample.event(event)))

    def _fail(self, sample: StreamedSample, why: str) -> None:
        if self._failure is None:
            self._put(sample, TokenEvent("", finish_reason="error", error=why))
        else:
            self._arrivals.events.put(None)

    def _name(self, token: int) -> str | None:
        return self.tokenizer.name(token) if self.tokenizer else None

    async def _poll(self) -> None:
        """Read its metrics again and again, and notice its end also when nothing is asked."""
        while self._failure is None:
            await self._suspect()
            try:
                polled = stats_of(await self._client.metrics())
                with self._lock:
                    self._polled = polled
            except httpx2.HTTPError as error:
                log.warning("vLLM's metrics can't be read: %s", type(error).__name__)
            await asyncio.sleep(METRICS_SECONDS)
        self._arrivals.events.put(None)
