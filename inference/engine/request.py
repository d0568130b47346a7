"""A request's life inside the engine: its samples, their text and their events."""

import logging
from dataclasses import dataclass

from inference.engine.logits_state import Adjuster, base_adjustment
from inference.engine.outputs import EngineRequest, FinishReason, TokenEvent, TokenLogprobs
from inference.engine.sampling_params import SamplingParams
from inference.engine.sequence import Sequence
from inference.engine.step import Outcome
from inference.interp.spec import Snapshot
from inference.logs import naming
from inference.tokenizer import Tokenizer
from inference.tokenizer.detokenizer import Detokenizer
from inference.tokenizer.stop_strings import StopString

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ends:
    """Token ids that end a sample: the model's, and the request's own."""

    eos: frozenset[int]
    stop: frozenset[int]

    @classmethod
    def of(cls, sampling: SamplingParams, eos_token_ids: tuple[int, ...]) -> "Ends":
        """Take what the parameters leave of the model's, and add theirs."""
        eos = () if sampling.ignore_eos else eos_token_ids
        return cls(frozenset(eos), frozenset(sampling.stop_token_ids or ()))


class LiveSample:
    """One sample: its sequence, its detokeniser, and what it has to tell."""

    def __init__(self, sequence: Sequence, text: Detokenizer | None, ends: Ends) -> None:
        self.sequence = sequence
        self._text, self._ends = text, ends
        self._told_prompt = False
        self._captured: list[Snapshot] = []

    def tell(self, outcome: Outcome) -> TokenEvent | None:
        """Take in a step's outcome; None while the prompt is not through."""
        if outcome.prompt_logprobs is not None and self.sequence.prompt_logprobs is not None:
            self.sequence.prompt_logprobs.extend(outcome.prompt_logprobs)
        if outcome.error is not None:
            return self.end("error", outcome.error)
        self._captured += outcome.captured
        self.sequence.captured = max(self.sequence.captured, outcome.row.end)
        if not outcome.row.completes:
            return None
        if outcome.token is None:
            return self.end("length")
        try:
            return self._take(outcome.token, outcome.logprobs)
        except Exception as error:
            name = self.sequence.request_id
            log.exception("a sample failed: request %s", name, extra=naming(name))
            self._text = None
            return self.end("error", f"the sample failed ({type(error).__name__})")

    def end(self, reason: FinishReason, error: str | None = None) -> TokenEvent:
        """The event that ends the sample without a token; text still held is let out."""
        text = self._text.finish() if self._text else ""
        return self._event((), text, None, reason, error)

    def _take(self, token: int, logprobs: TokenLogprobs | None) -> TokenEvent:
        self.sequence.append(token)
        ended = token in self._ends.eos or token in self._ends.stop
        told = not ended or self.sequence.sampling.include_stop_str_in_output
        text = self._text.push(token) if self._text and told else ""
        spent = len(self.sequence.output_token_ids) >= self.sequence.max_tokens
        if self._text and (ended or spent):
            text += self._text.finish()
        stopped = ended or (self._text is not None and self._text.stopped)
        reason: FinishReason | None = "stop" if stopped else "length" if spent else None
        return self._event((token,), text, None if logprobs is None else [logprobs], reason)

    def _event(
        self,
        token_ids: tuple[int, ...],
        text: str,
        logprobs: list[TokenLogprobs] | None,
        reason: FinishReason | None,
        error: str | None = None,
    ) -> TokenEvent:
        told, self._told_prompt = self._told_prompt, True
        captured, self._captured = tuple(self._captured), []
        return TokenEvent(
            request_id=self.sequence.request_id,
            index=self.sequence.index,
            token_ids=token_ids,
            text=text,
            logprobs=logprobs,
            prompt_logprobs=None if told else self.sequence.prompt_logprobs,
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
        return self._text.stop_reason if self._text else None


def live_samples(
    request: EngineRequest,
    request_id: str,
    seed: int,
    tokenizer: Tokenizer | None,
    eos_token_ids: tuple[int, ...],
) -> dict[int, LiveSample]:
    """Make the request's samples, by number; the request has been checked."""
    samples, sampling = {}, request.sampling
    ends = Ends.of(sampling, eos_token_ids)
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
        text = None
        if tokenizer is not None and request.detokenize:
            include, least = sampling.include_stop_str_in_output, sampling.min_tokens
            text = Detokenizer(tokenizer, stops, include_stop=include, min_tokens=least)
        samples[index] = LiveSample(sequence, text, ends)
    return samples
