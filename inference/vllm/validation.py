"""Check requests before they go to vLLM, in the words of the native engine."""

from dataclasses import replace
from pathlib import Path

from inference.engine.outputs import EngineRequest
from inference.engine.sampling_params import SamplingParams
from inference.errors import ConfigError, PromptTooLong
from inference.model_files.config_checks import FILE_NAME
from inference.model_files.json_files import read_object
from inference.model_files.shape_fields import vocab_size_of
from inference.tokenizer import Tokenizer


class VllmValidator:
    """The limits of one model in vLLM. All refusals are ValueErrors."""

    def __init__(self, folder: Path, tokenizer: Tokenizer | None, max_model_len: int) -> None:
        self._vocab_size = vocab_size_of(read_object(folder / FILE_NAME, ConfigError))
        self._tokenizer = tokenizer
        self._max_model_len = max_model_len

    def checked(self, request: EngineRequest) -> EngineRequest:
        """Check a request, and return it with its ids as a tuple and max_tokens decided."""
        prompt, sampling = tuple(request.prompt_token_ids), request.sampling
        if sampling.max_tokens is None:
            sampling = sampling.with_max_tokens(max(self._max_model_len - len(prompt), 0))
        self._require_fits(len(prompt), sampling.max_tokens or 0)
        self._require_tokens(prompt)
        self._require_known(sampling)
        if request.first_sample < 0:
            raise ValueError(f"first_sample must be 0 or more, not {request.first_sample}")
        if sampling.stop_strings and (self._tokenizer is None or not request.detokenize):
            raise ValueError("stop strings need the model's tokenizer.json, and detokenize")
        return replace(request, prompt_token_ids=prompt, sampling=sampling)

    def _require_fits(self, prompt: int, new: int) -> None:
        if prompt + new > self._max_model_len:
            raise PromptTooLong(
                f"{prompt} prompt tokens and {new} new ones are {prompt + new}, over the model's "
                f"{self._max_model_len}"
            )

    def _require_tokens(self, prompt: tuple[int, ...]) -> None:
        if not prompt:
            raise ValueError("the prompt is empty; it needs one token at least")
        for token in prompt:
            if not isinstance(token, int) or not 0 <= token < self._vocab_size:
                raise ValueError(f"{token!r} is not a token id from 0 to {self._vocab_size - 1}")

    def _require_known(self, sampling: SamplingParams) -> None:
        named = {"stop_token_ids": sampling.stop_token_ids, "logit_bias": sampling.logit_bias}
        for name, tokens in named.items():
            for token in tokens or ():
                if token >= self._vocab_size:
                    most = self._vocab_size - 1
                    raise ValueError(f"{name} names token {token}; the model's are 0 to {most}")
