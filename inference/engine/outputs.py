"""Requests to the engine and what it returns. Plain data, free of torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from inference.engine.sampling_params import SamplingParams
from inference.interp.captured import Captured, Snapshot
from inference.interp.spec import Capture, Intervention, WhiteBox

FinishReason = Literal["stop", "length", "abort", "deadline", "error"]


@dataclass(frozen=True, slots=True)
class Logprob:
    """The logarithm of a token's probability before temperature; rank 1 is the likeliest."""

    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


TokenLogprobs = dict[int, Logprob]
PromptLogprobs = list[TokenLogprobs | None]


@dataclass(frozen=True)
class EngineRequest:
    """One prompt as ids. Lower priority is served first, as in vLLM, then who came first.

    deadline: a reading of the engine's clock; samples that still run then end with the reason
    "deadline". captures, interventions: what to copy out of each sample's forward passes, and to
    change in them; see inference.interp. first_sample: samples are numbered from here. What a
    sample draws depends on its number, so sample 5 asked for alone is the one that it would be
    among ten. Sample 0 scores the prompt.
    """

    prompt_token_ids: Sequence[int] = field(repr=False)
    sampling: SamplingParams = field(default_factory=SamplingParams, repr=False)
    request_id: str | None = None
    priority: int = 0
    deadline: float | None = None
    detokenize: bool = True
    captures: tuple[Capture, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    first_sample: int = 0

    @property
    def samples(self) -> range:
        """Numbers of the samples."""
        return range(self.first_sample, self.first_sample + self.sampling.n)

    @property
    def white_box(self) -> WhiteBox | None:
        """Captures and interventions together; None if there are none."""
        inside = bool(self.captures or self.interventions)
        return WhiteBox(self.captures, self.interventions) if inside else None


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """New output of one sample.

    text: whole characters only. logprobs: one entry per new token. prompt_logprobs: once, on the
    request's first event. captured: at the positions computed since the last event, reduced over
    these alone; Captured puts them together. finish_reason: on the sample's last event. With
    "stop", stop_reason is the stop string or stop token that was met, or None for an end token of
    the model's; with "error", error says why.
    """

    request_id: str
    index: int = 0
    token_ids: tuple[int, ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)
    logprobs: list[TokenLogprobs] | None = field(default=None, repr=False)
    prompt_logprobs: PromptLogprobs | None = field(default=None, repr=False)
    captured: tuple[Snapshot, ...] = ()
    finish_reason: FinishReason | None = None
    stop_reason: int | str | None = None
    error: str | None = None


@dataclass
class CompletionOutput:
    """All output of one sample."""

    index: int
    text: str = ""
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprobs] | None = None
    captured: Captured = field(default_factory=Captured)
    finish_reason: FinishReason | None = None
    stop_reason: int | str | None = None
    error: str | None = None

    def add(self, event: TokenEvent) -> None:
        """Add the next event of this sample."""
        self.text += event.text
        self.token_ids.extend(event.token_ids)
        if event.logprobs is not None:
            self.logprobs = self.logprobs or []
            self.logprobs.extend(event.logprobs)
        self.captured.add(event.captured)
        self.finish_reason, self.error = event.finish_reason, event.error
        self.stop_reason = event.stop_reason


@dataclass
class RequestOutput:
    """One prompt with its samples, in order."""

    request_id: str
    prompt: str | None
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    prompt_logprobs: PromptLogprobs | None = None

    @property
    def finished(self) -> bool:
        """Tell whether every sample has ended."""
        return all(output.finish_reason is not None for output in self.outputs)

    def add(self, event: TokenEvent) -> None:
        """Add the next event of this request."""
        self.outputs[event.index - self.outputs[0].index].add(event)
        if event.prompt_logprobs is not None:
            self.prompt_logprobs = event.prompt_logprobs


@dataclass(frozen=True, slots=True)
class EngineStats:
    """The numbers of running and waiting samples, and of KV cache blocks of block_size tokens.

    preemptions: how often, since the start, a sample had to give back its blocks.
    num_scheduled_tokens: tokens computed in the latest step, by request: prefill and decode, and
    again what a preempted sample computes again.
    """

    running: int
    waiting: int
    free_blocks: int
    total_blocks: int
    block_size: int
    preemptions: int
    num_scheduled_tokens: Mapping[str, int] = field(default_factory=dict)
