"""The fields of POST /v1/completions: from what was sent to a CompletionRequest, or BadParameter.

Unknown fields are ignored. Known ones that the engine cannot honour are refused, not ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from inference.engine.sampling_params import MAX_SEED
from portal.jobs.errors import BadParameter
from portal.jobs.openai.fields import MAX_CHOICES, Fields, Prompt
from portal.jobs.openai.unsupported import UNSUPPORTED_IN_STREAM_OPTIONS, refuse_unsupported

MAX_LOGPROBS = 5
MAX_N = 128


@dataclass(frozen=True)
class CompletionRequest:
    """A request whose every field is in range, whatever the model.

    ``n`` choices are answered per prompt, the likeliest of ``best_of`` samples.
    """

    model: str
    prompts: tuple[Prompt, ...]
    max_tokens: int = 16
    min_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[int, float] = field(default_factory=dict)
    n: int = 1
    best_of: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    echo: bool = False
    stream: bool = False
    include_usage: bool = False

    @property
    def looks_inside(self) -> bool:
        """Tell if more than text is asked for: even 0 gives the chosen tokens' logprobs."""
        return self.logprobs is not None or self.prompt_logprobs is not None

    @property
    def samples(self) -> int:
        """Return how many samples are drawn, over all prompts."""
        return len(self.prompts) * self.best_of

    @property
    def most_completion_tokens(self) -> int:
        """Return the most tokens that may be written, over all samples."""
        return self.samples * self.max_tokens

    @property
    def sampling(self) -> dict[str, Any]:
        """As the job's row keeps it; names are the engine's, but for ``best_of``, which is ours."""
        return {
            "max_tokens": self.max_tokens,
            "min_tokens": self.min_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "min_p": self.min_p,
            "repetition_penalty": self.repetition_penalty,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "logit_bias": {str(token): bias for token, bias in self.logit_bias.items()},
            "best_of": self.best_of,
            "seed": self.seed,
            "stop": list(self.stop),
            "stop_token_ids": list(self.stop_token_ids),
            "include_stop_str_in_output": self.include_stop_str_in_output,
            "ignore_eos": self.ignore_eos,
            "logprobs": self.logprobs,
            "prompt_logprobs": self.prompt_logprobs,
        }


def parse_completion(data: dict[str, Any]) -> CompletionRequest:
    """Read a request, or raise BadParameter, naming the first field that is wrong."""
    refuse_unsupported(data)
    fields = Fields(data)
    n = fields.integer("n", 1, 1, MAX_N)
    asked = CompletionRequest(
        model=fields.model(),
        prompts=fields.prompts(),
        n=n,
        best_of=fields.integer("best_of", n, 1, MAX_N),
        seed=fields.optional_integer("seed", -MAX_SEED - 1, MAX_SEED),
        logprobs=fields.optional_integer("logprobs", 0, MAX_LOGPROBS),
        prompt_logprobs=fields.optional_integer("prompt_logprobs", 0, MAX_LOGPROBS),
        echo=fields.flag("echo"),
        stream=fields.flag("stream"),
        include_usage=_include_usage(data),
        **_drawing(fields),
        **_ending(fields),
    )
    _require_consistent(asked)
    return asked if asked.max_tokens else replace(asked, best_of=n)  # nothing drawn is no better


def _drawing(fields: Fields) -> dict[str, Any]:
    """Read how tokens are drawn."""
    return {
        "temperature": fields.number("temperature", 1.0, 0, 2),
        "top_p": fields.number("top_p", 1.0, 0, 1, above_least=True),
        "top_k": fields.integer("top_k", 0, -1),
        "min_p": fields.number("min_p", 0.0, 0, 1),
        "repetition_penalty": fields.number("repetition_penalty", 1.0, 0.01, 100),
        "presence_penalty": fields.number("presence_penalty", 0.0, -2, 2),
        "frequency_penalty": fields.number("frequency_penalty", 0.0, -2, 2),
        "logit_bias": fields.biases("logit_bias"),
    }


def _ending(fields: Fields) -> dict[str, Any]:
    """Read where a text ends."""
    return {
        "max_tokens": fields.integer("max_tokens", 16, 0),
        "min_tokens": fields.integer("min_tokens", 0, 0),
        "stop": fields.stops(),
        "stop_token_ids": fields.token_ids("stop_token_ids"),
        "include_stop_str_in_output": fields.flag("include_stop_str_in_output"),
        "ignore_eos": fields.flag("ignore_eos"),
    }


def _require_consistent(asked: CompletionRequest) -> None:
    if asked.max_tokens == 0 and not asked.echo:
        raise BadParameter("max_tokens may be 0 only with echo.", field="max_tokens")
    if asked.min_tokens > asked.max_tokens:
        raise BadParameter(
            f"min_tokens may be max_tokens at most, which is {asked.max_tokens}.",
            field="min_tokens",
        )
    if asked.best_of < asked.n:
        raise BadParameter("best_of must be n or more.", field="best_of")
    if asked.samples > MAX_CHOICES:
        name = "best_of" if asked.best_of > asked.n else "n"
        raise BadParameter(f"prompts times {name} may be {MAX_CHOICES} at most.", field=name)
    if asked.stream:
        _require_streamable(asked)


def _require_streamable(asked: CompletionRequest) -> None:
    if asked.best_of > asked.n:
        raise BadParameter(
            "best_of over n can’t be streamed: which samples are the best is known at the end.",
            field="best_of",
        )
    if asked.prompt_logprobs is not None:
        raise BadParameter(
            "prompt_logprobs can’t be streamed. Leave stream out, or use echo with logprobs.",
            field="prompt_logprobs",
        )


def _include_usage(data: dict[str, Any]) -> bool:
    options = data.get("stream_options")
    if options is None:
        return False
    if not data.get("stream"):
        raise BadParameter(
            "stream_options may be given only with stream set to true.", field="stream_options"
        )
    if not isinstance(options, dict):
        raise BadParameter("stream_options must be an object.", field="stream_options")
    refuse_unsupported(options, UNSUPPORTED_IN_STREAM_OPTIONS, inside="stream_options")
    include = options.get("include_usage")
    if include is not None and not isinstance(include, bool):
        raise BadParameter("include_usage must be true or false.", field="stream_options")
    return bool(include)
