"""Make requests of prompts, and check them before anything runs."""

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several
from contextlib import contextmanager
from dataclasses import replace
from typing import Protocol

from inference.capabilities import NATIVE, require_capable
from inference.engine.outputs import CompletionOutput, EngineRequest, RequestOutput
from inference.engine.sampling_params import SamplingParams
from inference.interp.spec import Capture, Intervention, ModelShape, WhiteBox
from inference.interp.validation import (
    checked_captures,
    checked_interventions,
    require_lens_layers,
)

Prompt = str | Several[int]


class TextEncoder(Protocol):
    """A tokenizer, as far as checking prompts needs one."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of text, with special tokens."""
        ...

    def name(self, token_id: int) -> str:
        """Return how one token looks alone."""
        ...


class RequestValidator:
    """Makes requests that can run. All refusals are ValueErrors.

    own: gives checked captures and interventions values that nobody else can change.
    """

    def __init__(
        self,
        config: ModelShape,
        tokenizer: TextEncoder | None,
        max_model_len: int,
        require_fits: Callable[[int, int], None],
        max_capture_bytes: int,
        lens_layers: range,
        own: Callable[[WhiteBox], WhiteBox],
    ) -> None:
        self._config, self._lens_layers, self._own = config, lens_layers, own
        self._max_capture_bytes = max_capture_bytes
        self._tokenizer = tokenizer
        self._max_model_len = max_model_len
        self._require_fits = require_fits

    def prompt_token_ids(self, prompt: Prompt) -> list[int]:
        """Return the prompt's ids. Raises ValueError if it is empty or the model lacks one."""
        ids = self._ids(prompt)
        self._require_tokens(tuple(ids))
        return ids

    def requests(
        self,
        prompts: list[Prompt],
        sampling: SamplingParams | Several[SamplingParams] | None,
        captures: Several[Capture] = (),
        interventions: Several[Intervention] = (),
    ) -> list[EngineRequest]:
        """Make a request of each prompt; an error names the index of the first bad one."""
        params = SamplingParams() if sampling is None else sampling
        several = [params] * len(prompts) if isinstance(params, SamplingParams) else list(params)
        if len(several) != len(prompts):
            raise ValueError(
                f"{len(prompts)} prompts need as many SamplingParams, not {len(several)}"
            )
        requests = []
        for number, (prompt, params) in enumerate(zip(prompts, several, strict=True)):
            with _naming(number):
                ids = self._ids(prompt)
            requests.append(
                EngineRequest(
                    ids, params, captures=tuple(captures), interventions=tuple(interventions)
                )
            )
        return requests

    def all_checked(self, requests: Several[EngineRequest]) -> list[EngineRequest]:
        """Check all requests; an error names the index of the first bad one."""
        checked = []
        for number, request in enumerate(requests):
            with _naming(number):
                checked.append(self.checked(request))
        return checked

    def checked(self, request: EngineRequest) -> EngineRequest:
        """Check a request, and return it with its ids as a tuple and max_tokens decided."""
        require_capable(request, NATIVE)
        prompt, sampling = tuple(request.prompt_token_ids), request.sampling
        if sampling.max_tokens is None:
            room = max(self._max_model_len - len(prompt), 0)
            sampling = sampling.with_max_tokens(room)
        self._require_fits(len(prompt), sampling.max_tokens or 0)
        self._require_tokens(
            prompt
        )  # after the length, since checking a very long prompt takes a while
        self._require_known(sampling)
        if request.first_sample < 0:
            raise ValueError(f"first_sample must be 0 or more, not {request.first_sample}")
        if sampling.stop_strings and (self._tokenizer is None or not request.detokenize):
            raise ValueError("stop strings need the model's tokenizer.json, and detokenize")
        request = replace(request, prompt_token_ids=prompt, sampling=sampling)
        if request.white_box is None:
            return request
        return self._checked_inside(request)

    def _checked_inside(self, request: EngineRequest) -> EngineRequest:
        sampling = request.sampling
        # the last token sampled is never computed, so nothing can be captured there
        length = len(request.prompt_token_ids) + max((sampling.max_tokens or 0) - 1, 0)
        captures = checked_captures(
            request.captures, self._config, length, sampling.n, self._max_capture_bytes
        )
        require_lens_layers(captures, self._config, self._lens_layers)
        interventions = checked_interventions(request.interventions, self._config, length)
        own = self._own(WhiteBox(captures, interventions))
        return replace(request, captures=own.captures, interventions=own.interventions)

    def _require_tokens(self, prompt: tuple[int, ...]) -> None:
        if not prompt:
            raise ValueError("the prompt is empty; it needs one token at least")
        vocab_size = self._config.vocab_size
        for token in prompt:
            if not isinstance(token, int) or not 0 <= token < vocab_size:
                raise ValueError(f"{token!r} is not a token id from 0 to {vocab_size - 1}")

    def _require_known(self, sampling: SamplingParams) -> None:
        named = {"stop_token_ids": sampling.stop_token_ids, "logit_bias": sampling.logit_bias}
        for name, tokens in named.items():
            for token in tokens or ():
                if token >= self._config.vocab_size:
                    most = self._config.vocab_size - 1
                    raise ValueError(f"{name} names token {token}; the model's are 0 to {most}")

    def _ids(self, prompt: Prompt) -> list[int]:
        if not isinstance(prompt, str):
            return list(prompt)
        if self._tokenizer is None:
            raise ValueError("the model has no tokenizer.json: give token ids, not text")
        try:
            prompt.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"the prompt is not valid text at character {error.start}; it must be UTF-8"
            ) from error
        ids = self._tokenizer.encode(prompt)
        rows = self._config.vocab_size
        if max(ids, default=0) >= rows:
            raise ValueError(
                f"the tokenizer has {self._tokenizer.name(max(ids))!r} as {max(ids)}, and the "
                f"model only {rows} rows: tokens were added without resizing its embedding"
            )
        return ids


def as_list(prompts: Prompt | Several[Prompt]) -> list[Prompt]:
    """Return a list of prompts, also where one text or one list of ids was given."""
    if isinstance(prompts, str) or (prompts and isinstance(prompts[0], int)):
        return [prompts]  # type: ignore[list-item]
    return list(prompts)  # type: ignore[arg-type]


def empty_output(request_id: str, request: EngineRequest) -> RequestOutput:
    """Make the request's output as it is before its first event."""
    outputs = [CompletionOutput(index) for index in request.samples]
    return RequestOutput(request_id, None, list(request.prompt_token_ids), outputs)


@contextmanager
def _naming(number: int) -> Iterator[None]:
    """Name the prompt that a ValueError is about."""
    try:
        yield
    except ValueError as error:
        raise type(error)(f"prompt {number}: {error}") from error
