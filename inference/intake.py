"""What the engine takes: prompts to requests, checked before anything runs."""

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import replace

from inference.config import OptConfig
from inference.outputs import CompletionOutput, EngineRequest, RequestOutput
from inference.sampling import SamplingParams
from inference.tokenizer import Tokenizer

Prompt = str | Several[int]


class Intake:
    """Turns prompts into requests that can run; all refusals are ValueErrors."""

    def __init__(
        self,
        config: OptConfig,
        tokenizer: Tokenizer | None,
        max_model_len: int,
        require_fits: Callable[[int, int], None],
    ) -> None:
        self._vocab_size = config.vocab_size
        self._tokenizer = tokenizer
        self._max_model_len = max_model_len
        self._require_fits = require_fits

    def requests(
        self,
        prompts: list[Prompt],
        sampling: SamplingParams | Several[SamplingParams] | None,
    ) -> list[EngineRequest]:
        """A checked request per prompt; the error names the index of the first bad one."""
        given = SamplingParams() if sampling is None else sampling
        each = [given] * len(prompts) if isinstance(given, SamplingParams) else list(given)
        if len(each) != len(prompts):
            raise ValueError(f"{len(prompts)} prompts need as many SamplingParams, not {len(each)}")
        found = []
        for number, (prompt, params) in enumerate(zip(prompts, each, strict=True)):
            try:
                found.append(self.checked(EngineRequest(self._ids(prompt), params)))
            except ValueError as error:
                raise type(error)(f"prompt {number}: {error}") from error
        return found

    def checked(self, request: EngineRequest) -> EngineRequest:
        """The same request with ids as a tuple and max_tokens decided."""
        prompt, sampling = tuple(request.prompt_token_ids), request.sampling
        self._require_tokens(prompt)
        if sampling.stop_strings and (self._tokenizer is None or not request.detokenize):
            raise ValueError("stop strings need the model's tokenizer.json, and detokenize")
        if sampling.max_tokens is None:
            room = max(self._max_model_len - len(prompt), 0)
            sampling = sampling.with_max_tokens(room)
        self._require_fits(len(prompt), sampling.max_tokens or 0)
        return replace(request, prompt_token_ids=prompt, sampling=sampling)

    def _require_tokens(self, prompt: tuple[int, ...]) -> None:
        if not prompt:
            raise ValueError("the prompt is empty; it needs one token at least")
        for token in prompt:
            if not isinstance(token, int) or not 0 <= token < self._vocab_size:
                raise ValueError(f"{token!r} is not a token id from 0 to {self._vocab_size - 1}")

    def _ids(self, prompt: Prompt) -> list[int]:
        if not isinstance(prompt, str):
            return list(prompt)
        if self._tokenizer is None:
            raise ValueError("the model has no tokenizer.json: give token ids, not text")
        return self._tokenizer.encode(prompt)


def as_list(prompts: Prompt | Several[Prompt]) -> list[Prompt]:
    """Several prompts, though one text or one list of ids was given."""
    if isinstance(prompts, str) or (prompts and isinstance(prompts[0], int)):
        return [prompts]  # type: ignore[list-item]
    return list(prompts)  # type: ignore[arg-type]


def empty_output(request_id: str, prompt: Prompt, request: EngineRequest) -> RequestOutput:
    """The request's output before its first event."""
    outputs = [CompletionOutput(index) for index in range(request.sampling.n)]
    text = prompt if isinstance(prompt, str) else None
    return RequestOutput(request_id, text, list(request.prompt_token_ids), outputs)
