"""A request's life inside the engine: its samples, their text and their events."""

import logging

from inference.detokenizer import Detokenizer
from inference.drawing import Outcome
from inference.outputs import EngineRequest, FinishReason, TokenEvent, TokenLogprobs
from inference.sequence import Sequence
from inference.tokenizer import Tokenizer
from inference.white_box import Snapshot

log = logging.getLogger(__name__)


class LiveSample:
    """One sample: its sequence, its detokeniser, and what it has to tell."""

    def __init__(
        self, sequence: Sequence, tokenizer: Tokenizer | None, eos_token_ids: tuple[int, ...]
    ) -> None:
        self.sequence = sequence
        stop = sequence.sampling.stop_strings
        self._text = Detokenizer(tokenizer, stop) if tokenizer else None
        self._eos = () if sequence.sampling.ignore_eos else eos_token_ids
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
            log.exception("a sample failed")
            self._text = None
            return self.end("error", f"the sample failed ({type(error).__name__})")

    def end(self, reason: FinishReason, error: str | None = None) -> TokenEvent:
        """The event that ends the sample without a token; text still held is let out."""
        text = self._text.finish() if self._text else ""
        return self._event((), text, None, reason, error)

    def _take(self, token: int, logprobs: TokenLogprobs | None) -> TokenEvent:
        self.sequence.output_token_ids.append(token)
        text = self._text.push(token) if self._text and token not in self._eos else ""
        reason = self._ending(token)
        if reason and self._text:
            text += self._text.finish()
        return self._event((token,), text, None if logprobs is None else [logprobs], reason)

    def _ending(self, token: int) -> FinishReason | None:
        if token in self._eos or (self._text and self._text.stopped):
            return "stop"
        spent = len(self.sequence.output_token_ids) >= self.sequence.max_tokens
        return "length" if spent else None

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
            error=error,
        )


def live_samples(
    request: EngineRequest,
    request_id: str,
    seed: int,
    tokenizer: Tokenizer | None,
    eos_token_ids: tuple[int, ...],
) -> dict[int, LiveSample]:
    """Make the request's samples, by number; the request has been checked."""
    samples = {}
    for index in request.samples:
        sequence = Sequence(
            request_id,
            index,
            tuple(request.prompt_token_ids),
            request.sampling,
            request.sampling.max_tokens or 0,
            seed=seed,
            priority=request.priority,
            deadline=request.deadline,
            detokenize=request.detokenize,
            white_box=request.white_box,
        )
        if sequence.scores_prompt:
            sequence.prompt_logprobs = [None]
        found = tokenizer if request.detokenize else None
        samples[index] = LiveSample(sequence, found, eos_token_ids)
    return samples
