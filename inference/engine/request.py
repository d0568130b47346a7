"""Follow a request through the engine: its samples, their text and their events."""

import logging
from dataclasses import dataclass

from inference.engine.logits_adjustment import Adjuster, base_adjustment
from inference.engine.outputs import EngineRequest, FinishReason, Logprob, TokenEvent, TokenLogprobs
from inference.engine.sampler import LogprobEntry
from inference.engine.sampling_params import SamplingParams
from inference.engine.scheduler import ScheduledRow, Scheduler
from inference.engine.sequence import Sequence
from inference.engine.step import LogitsOutput
from inference.interp.captured import Captured
from inference.logs import naming
from inference.tokenizer import Tokenizer
from inference.tokenizer.detokenizer import Detokenizer
from inference.tokenizer.stop_strings import StopString

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndTokens:
    """The token ids that end a sample: the model's, and the request's own."""

    eos: frozenset[int]
    stop: frozenset[int]

    @classmethod
    def of(cls, sampling: SamplingParams, eos_token_ids: tuple[int, ...]) -> "EndTokens":
        """Take the model's end tokens, unless they are to be ignored, and the parameters' own."""
        eos = () if sampling.ignore_eos else eos_token_ids
        return cls(frozenset(eos), frozenset(sampling.stop_token_ids or ()))


class LiveSample:
    """One sample in the engine: its sequence, and what turns its tokens into events."""

    def __init__(
        self,
        sequence: Sequence,
        tokenizer: Tokenizer | None,
        detokenizer: Detokenizer | None,
        ends: EndTokens,
    ) -> None:
        self.sequence = sequence
        self._tokenizer, self._detokenizer, self._ends = tokenizer, detokenizer, ends
        self._prompt_logprobs_sent = False
        self._captured = Captured()

    def event_for(self, row: ScheduledRow, output: LogitsOutput) -> TokenEvent | None:
        """Take in a step's output; return None while more of the prompt must be computed.

        Whatever goes wrong ends this sample alone.
        """
        try:
            return self._event_for(row, output)
        except Exception as error:
            name = self.sequence.request_id
            log.exception("a sample failed: request %s", name, extra=naming(name))
            self._detokenizer = None  # it may be what failed
            return self.end("error", f"the sample failed ({type(error).__name__})")

    def end(self, reason: FinishReason, error: str | None = None) -> TokenEvent:
        """Make the event that ends the sample without a token, with the text still withheld."""
        text = self._detokenizer.finish() if self._detokenizer else ""
        return self._event((), text, None, reason, error)

    def _event_for(self, row: ScheduledRow, output: LogitsOutput) -> TokenEvent | None:
        scored = self.sequence.prompt_logprobs
        if output.prompt_logprobs is not None and scored is not None:
            scored.extend(self._named(entries) for entries in output.prompt_logprobs)
        if output.error is not None:
            return self.end("error", output.error)
        self._captured.add(output.captured)
        self.sequence.captured = max(self.sequence.captured, row.end)
        if not row.completes:
            return None
        if output.token is None:  # max_tokens 0: the prompt was only scored
            return self.end("length")
        logprobs = None if output.logprobs is None else self._named(output.logprobs)
        return self._take(output.token, logprobs)

    def _named(self, entries: list[LogprobEntry]) -> TokenLogprobs:
        return {
            token: Logprob(logprob, rank, self._tokenizer.name(token) if self._tokenizer else None)
            for token, logprob, rank in entries
        }

    def _take(self, token: int, logprobs: TokenLogprobs | None) -> TokenEvent:
        self.sequence.append(token)
        ended = token in self._ends.eos or token in self._ends.stop
        visible = not ended or self.sequence.sampling.include_stop_str_in_output
        detokenizer = self._detokenizer
        text = detokenizer.push(token) if detokenizer and visible else ""
        full = len(self.sequence.output_token_ids) >= self.sequence.max_tokens
        if detokenizer and (ended or full):
            text += detokenizer.finish()
        stopped = ended or (detokenizer is not None and detokenizer.stopped)
        reason: FinishReason | None = "stop" if stopped else "length" if full else None
        return self._event((token,), text, None if logprobs is None else [logprobs], reason)

    def _event(
        self,
        token_ids: tuple[int, ...],
        text: str,
        logprobs: list[TokenLogprobs] | None,
        reason: FinishReason | None,
        error: str | None = None,
    ) -> TokenEvent:
        sent, self._prompt_logprobs_sent = self._prompt_logprobs_sent, True
        captured, self._captured = tuple(self._captured.snapshots), Captured()
        return TokenEvent(
            request_id=self.sequence.request_id,
            index=self.sequence.index,
            token_ids=token_ids,
            text=text,
            logprobs=logprobs,
            prompt_logprobs=None if sent else self.sequence.prompt_logprobs,
            captured=captured,
            finish_reason=reason,
            stop_reason=self._stop_reason(token_ids) if reason == "stop" else None,
            error=error,
        )

    def _stop_reason(self, token_ids: tuple[int, ...]) -> int | str | None:
        """Return what ended the sample; None for an end token of the model's, as vLLM has it."""
        [token] = token_ids
        if token in self._ends.eos:
            return None
        if token in self._ends.stop:
            return token
        return self._detokenizer.stop_reason if self._detokenizer else None


class LiveRequests:
    """The samples of all requests that have not ended, with the scheduler that they are in."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._samples: dict[str, dict[int, LiveSample]] = {}

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._samples

    def add(self, request_id: str, samples: dict[int, LiveSample]) -> None:
        """Queue a request's samples, which are keyed by their numbers."""
        self._samples[request_id] = samples
        for sample in samples.values():
            self._scheduler.add(sample.sequence)

    def take_in(self, row: ScheduledRow, output: LogitsOutput) -> TokenEvent | None:
        """Take in a row's output; return None if there is no event for it.

        There is none while more of a prompt must be computed, nor for a sample cancelled meanwhile.
        """
        sequence = row.sequence
        if sequence.finished:
            return None
        sample = self._samples[sequence.request_id][sequence.index]
        self._scheduler.mark_computed(row)
        event = sample.event_for(row, output)
        if event is not None and event.finish_reason is not None:
            self._finish(sequence)
        return event

    def end_overdue(self, now: float) -> list[TokenEvent]:
        """End the samples whose deadline has come, and return their last events."""
        events = []
        for sequence in self._scheduler.overdue(now):
            sample = self._samples[sequence.request_id][sequence.index]
            events.append(sample.end("deadline"))
            self._finish(sequence)
        return events

    def set_priority(self, request_id: str, priority: int) -> bool:
        """Give a request's samples another priority. Return False if it is unknown or has ended."""
        samples = self._samples.get(request_id, {})
        for sample in samples.values():
            self._scheduler.set_priority(sample.sequence, priority)
        return bool(samples)

    def cancel(self, request_id: str) -> list[TokenEvent]:
        """End a request and return its samples' last events; none if it is unknown or has ended."""
        samples = self._samples.pop(request_id, {}).values()
        for sample in samples:
            self._scheduler.finish(sample.sequence)
        return [sample.end("abort") for sample in samples]

    def drop_all(self) -> None:
        """End all requests without events."""
        for samples in self._samples.values():
            for sample in samples.values():
                self._scheduler.finish(sample.sequence)
        self._samples = {}

    def _finish(self, sequence: Sequence) -> None:
        self._scheduler.finish(sequence)
        self._samples[sequence.request_id].pop(sequence.index)
        if not self._samples[sequence.request_id]:
            del self._samples[sequence.request_id]


def live_samples(
    request: EngineRequest,
    request_id: str,
    seed: int,
    tokenizer: Tokenizer | None,
    eos_token_ids: tuple[int, ...],
) -> dict[int, LiveSample]:
    """Make the samples of a checked request, by number."""
    samples, sampling = {}, request.sampling
    ends = EndTokens.of(sampling, eos_token_ids)
    # shared by all samples: it may hold a thousand ids
    base = base_adjustment(sampling, {*eos_token_ids, *(sampling.stop_token_ids or ())})
    prompt = tuple(request.prompt_token_ids)
    stops = [StopString(text) for text in sampling.stop_strings]
    for index in request.samples:
        sequence = Sequence(
            request_id,
            index,
            prompt,
            sampling,
            sampling.max_tokens or 0,
            seed=seed,
            priority=request.priority,
            deadline=request.deadline,
            detokenize=request.detokenize,
            white_box=request.white_box,
            adjuster=Adjuster(sampling, prompt, base) if base else None,
        )
        if sequence.scores_prompt:
            sequence.prompt_logprobs = [None]
        naming_tokenizer = tokenizer if request.detokenize else None
        detokenizer = None
        if naming_tokenizer is not None:
            include, least = sampling.include_stop_str_in_output, sampling.min_tokens
            detokenizer = Detokenizer(
                naming_tokenizer, stops, include_stop=include, min_tokens=least
            )
        samples[index] = LiveSample(sequence, naming_tokenizer, detokenizer, ends)
    return samples
