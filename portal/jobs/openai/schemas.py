"""Validate the fields of POST /v1/completions: a CompletionRequest, or BadParameter.

Unknown fields are ignored. Known ones that the engine cannot honour are refused, not ignored.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from inference.engine.sampling_params import MAX_SEED
from inference.interp.spec import WhiteBox
from portal.jobs.captures.fields import Captures, Interventions
from portal.jobs.errors import BadParameter
from portal.jobs.openai.fields import MAX_CHOICES, LogitBias, Prompts, StopStrings, StopTokenIds
from portal.jobs.openai.structures import Structure, TextFormat
from portal.jobs.openai.unsupported import UNSUPPORTED_IN_STREAM_OPTIONS, refuse_unsupported
from portal.parsing.bodies import Body, validated

MAX_LOGPROBS = 5
MAX_N = 128


class StreamOptions(Body):
    """The options of a streamed answer."""

    include_usage: bool = False


class CompletionRequest(Body):
    """A request whose every field is in range, whatever the model.

    ``n`` choices are answered per prompt, the likeliest of ``best_of`` samples.
    """

    n: int = Field(1, ge=1, le=MAX_N)
    model: str = Field(min_length=1)
    prompts: Prompts = Field(alias="prompt", repr=False)
    best_of: int = Field(default_factory=lambda fields: fields["n"], ge=1, le=MAX_N)
    max_tokens: int = Field(16, ge=0)
    min_tokens: int = Field(0, ge=0)
    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=-1)
    min_p: float = Field(0.0, ge=0, le=1)
    repetition_penalty: float = Field(1.0, ge=0.01, le=100)
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    logit_bias: LogitBias = Field(default_factory=dict, repr=False)
    seed: int | None = Field(None, ge=-MAX_SEED - 1, le=MAX_SEED)
    stop: StopStrings = Field((), repr=False)
    stop_token_ids: StopTokenIds = Field((), repr=False)
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    logprobs: int | None = Field(None, ge=0, le=MAX_LOGPROBS)
    prompt_logprobs: int | None = Field(None, ge=0, le=MAX_LOGPROBS)
    return_token_ids: bool = False
    echo: bool = False
    stream: bool = False
    stream_options: StreamOptions | None = None
    capture: Captures = ()
    interventions: Interventions = Field((), repr=False)
    response_format: TextFormat | None = None
    structured_outputs: Structure | None = None
    dry_run: bool = False

    @property
    def scored_fields(self) -> list[str]:
        """Name the fields that ask for log-probabilities: even 0 gives the chosen tokens' own."""
        counts = {"logprobs": self.logprobs, "prompt_logprobs": self.prompt_logprobs}
        return [name for name, count in counts.items() if count is not None]

    @property
    def inside_fields(self) -> list[str]:
        """Name the fields that look inside the model, or change what stands there."""
        items = {"capture": self.capture, "interventions": self.interventions}
        return [name for name, several in items.items() if several]

    @property
    def structure(self) -> dict[str, Any] | None:
        """Return the structure that the text is held to, in vLLM's words; None for none."""
        named = self.structured_outputs or self.response_format
        return named.structure if named else None

    @property
    def structure_field(self) -> str:
        """Name the field that asks for a structure."""
        return "structured_outputs" if self.structured_outputs else "response_format"

    @property
    def white_box(self) -> WhiteBox:
        return WhiteBox(self.capture, self.interventions)

    @property
    def include_usage(self) -> bool:
        """Tell if a stream ends with a chunk that counts its tokens."""
        return self.stream_options is not None and self.stream_options.include_usage

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
        """Return what the job's row keeps: the engine's sampling parameters, and ``best_of``.

        ``return_token_ids`` is among them where it is true.
        """
        # left out else, so that a worker of the release before reads the row
        left_out = NOT_SAMPLING if self.return_token_ids else NOT_SAMPLING | {"return_token_ids"}
        structured = {"structured_outputs": self.structure} if self.structure else {}
        return {**self.model_dump(mode="json", exclude=left_out), **structured}


NOT_SAMPLING = {
    *("n", "model", "prompts", "echo", "stream", "stream_options"),
    *("capture", "interventions", "dry_run", "response_format", "structured_outputs"),
}


def parse_completion(data: dict[str, Any]) -> CompletionRequest:
    """Read a request, or raise BadParameter, naming the first field that is wrong."""
    refuse_unsupported(data)
    _refuse_unsupported_options(data.get("stream_options"))
    completion = validated(CompletionRequest, data, refusal=BadParameter)
    _require_consistent(completion)
    if completion.max_tokens == 0:  # nothing is drawn, so no sample is likelier than another
        return completion.model_copy(update={"best_of": completion.n})
    return completion


def _refuse_unsupported_options(options: Any) -> None:
    if isinstance(options, dict):
        refuse_unsupported(options, UNSUPPORTED_IN_STREAM_OPTIONS, inside="stream_options")


def _require_consistent(completion: CompletionRequest) -> None:
    if completion.max_tokens == 0 and not completion.echo:
        raise BadParameter("max_tokens may be 0 only with echo.", field="max_tokens")
    if completion.min_tokens > completion.max_tokens:
        raise BadParameter(
            f"min_tokens may be max_tokens at most, which is {completion.max_tokens}.",
            field="min_tokens",
        )
    if completion.structured_outputs and completion.response_format:
        raise BadParameter(
            "Give response_format or structured_outputs, not both.", field="response_format"
        )
    if completion.best_of < completion.n:
        raise BadParameter("best_of must be n or more.", field="best_of")
    if completion.samples > MAX_CHOICES:
        name = "best_of" if completion.best_of > completion.n else "n"
        raise BadParameter(f"prompts times {name} may be {MAX_CHOICES} at most.", field=name)
    if completion.stream:
        _require_streamable(completion)
    elif completion.stream_options is not None:
        raise BadParameter(
            "stream_options may be given only with stream set to true.", field="stream_options"
        )


def _require_streamable(completion: CompletionRequest) -> None:
    if completion.best_of > completion.n:
        raise BadParameter(
            "best_of over n can’t be streamed: which samples are the best is known at the end.",
            field="best_of",
        )
    if completion.prompt_logprobs is not None:
        raise BadParameter(
            "prompt_logprobs can’t be streamed. Leave stream out, or use echo with logprobs.",
            field="prompt_logprobs",
        )
