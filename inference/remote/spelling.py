"""Spell requests as /v1/completions takes them, and read its answers as the engine's outputs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference.engine.outputs import (
    CompletionOutput,
    EngineRequest,
    Logprob,
    PromptLogprobs,
    RequestOutput,
    TokenEvent,
    TokenLogprobs,
)
from inference.engine.sampling_params import SamplingParams
from inference.interp.captured import Captured
from inference.interp.spec import WhiteBox
from inference.interp.wire import capture_json, intervention_json

_PLAIN_FIELDS = (
    "n", "max_tokens", "temperature", "top_p", "top_k", "min_p", "min_tokens", "seed", "logprobs",
    "prompt_logprobs", "ignore_eos", "presence_penalty", "frequency_penalty", "repetition_penalty",
    "include_stop_str_in_output",
)  # fmt: skip
NOT_SENT = {
    "priority": 0,
    "deadline": None,
    "first_sample": 0,
}  # fields of a request that a portal decides itself


def body_of(
    model: str, request: EngineRequest, white_box: WhiteBox, *, stream: bool
) -> dict[str, Any]:
    """Return the JSON of a checked request. white_box: its own, with large values uploaded."""
    body = {
        "model": model,
        "prompt": list(request.prompt_token_ids),
        "return_token_ids": True,
        "stream": stream,
        **_sampling(request.sampling),
    }
    if white_box.captures:
        body["capture"] = [capture_json(capture) for capture in white_box.captures]
    if white_box.interventions:
        body["interventions"] = [intervention_json(item) for item in white_box.interventions]
    return body


def require_sendable(request: EngineRequest) -> None:
    """Raise ValueError for what a portal decides by itself."""
    for name, neutral in NOT_SENT.items():
        if getattr(request, name) != neutral:
            raise ValueError(f"{name} is decided by the portal: leave it out")


def _sampling(params: SamplingParams) -> dict[str, Any]:
    fields = {name: getattr(params, name) for name in _PLAIN_FIELDS}
    fields["stop"] = list(params.stop_strings)
    fields["stop_token_ids"] = list(params.stop_token_ids or ())
    fields["logit_bias"] = {str(token): bias for token, bias in (params.logit_bias or {}).items()}
    fields["echo"] = params.max_tokens == 0  # a portal scores prompts so; the echo is left out
    return {name: value for name, value in fields.items() if value is not None}


def output_of(
    request: EngineRequest, answer: Mapping[str, Any], captured: Mapping[int, Captured]
) -> RequestOutput:
    """Return a whole answer as the engine would have made it. captured: by the choice's number."""
    outputs, prompt_logprobs = [], None
    for choice in sorted(answer["choices"], key=lambda choice: int(choice["index"])):
        event = event_of(request, answer["id"], choice)
        output = CompletionOutput(event.index)
        output.add(event)
        output.captured = captured.get(event.index, Captured())
        outputs.append(output)
        prompt_logprobs = prompt_logprobs or event.prompt_logprobs
    prompt = list(request.prompt_token_ids)
    return RequestOutput(answer["id"], None, prompt, outputs, prompt_logprobs)


def failed_output(request: EngineRequest, message: str) -> RequestOutput:
    """Return the output of a request that the portal took and couldn't finish."""
    outputs = [
        CompletionOutput(index, finish_reason="error", error=message) for index in request.samples
    ]
    return RequestOutput("", None, list(request.prompt_token_ids), outputs)


def event_of(request: EngineRequest, request_id: str, choice: Mapping[str, Any]) -> TokenEvent:
    """Return a choice, or a part of one, as an event."""
    scored = choice.get("prompt_logprobs")
    by_id: Iterable[Any] = choice.get("logprobs_by_id") or ()
    says_text = request.detokenize and request.sampling.max_tokens != 0
    return TokenEvent(
        request_id=request_id,
        index=int(choice["index"]),
        token_ids=tuple(choice["token_ids"]),
        text=choice["text"] if says_text else "",
        logprobs=[_logprobs(entry) for entry in by_id] or None,
        prompt_logprobs=None if scored is None else _prompt_logprobs(scored),
        finish_reason=choice["finish_reason"],
        stop_reason=choice.get("stop_reason"),
    )


def _prompt_logprobs(scored: Sequence[Mapping[str, Any] | None]) -> PromptLogprobs:
    return [None if entry is None else _logprobs(entry) for entry in scored]


def _logprobs(entry: Mapping[str, Mapping[str, Any]]) -> TokenLogprobs:
    return {
        int(token): Logprob(it["logprob"], it["rank"], it["decoded_token"])
        for token, it in entry.items()
    }
