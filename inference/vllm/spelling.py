"""Spell requests as vLLM's /v1/completions takes them, and read its answers as token events."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, cast

from inference.engine.outputs import (
    EngineRequest,
    FinishReason,
    Logprob,
    PromptLogprobs,
    TokenEvent,
    TokenLogprobs,
)
from inference.engine.sampling_params import MAX_SEED
from inference.vllm.server import MODEL

NAMED_ID = "token_id:"
Name = Callable[[int], str | None]


def body_of(request: EngineRequest, sample: int) -> dict[str, Any]:
    """Return the body that asks for one sample's tokens as a stream."""
    sampling = request.sampling
    body = {
        **_common(request),
        "stream": True,
        "max_tokens": sampling.max_tokens,
        "min_tokens": sampling.min_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "stop": list(sampling.stop_strings),
        "stop_token_ids": list(sampling.stop_token_ids or ()),
        "include_stop_str_in_output": sampling.include_stop_str_in_output,
        "ignore_eos": sampling.ignore_eos,
        "logprobs": sampling.logprobs,
        "return_token_ids": True,
        "return_tokens_as_token_ids": True,
    }
    if sampling.seed is not None:
        body["seed"] = _seed(sampling.seed, sample)
    if sampling.logit_bias:
        body["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    if sampling.structured_outputs is not None:
        body["structured_outputs"] = dict(sampling.structured_outputs)
    return body


def scoring_body(request: EngineRequest) -> dict[str, Any]:
    """Return the body that asks for the log-probabilities of a prompt's tokens.

    vLLM doesn't stream them, and generates one token at least, which nobody gets.
    """
    count = request.sampling.prompt_logprobs
    return {**_common(request), "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": count}


def _common(request: EngineRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": MODEL,
        "prompt": list(request.prompt_token_ids),
        "priority": request.priority,
    }
    if request.request_id:
        # Prompts share cached prefixes within a job. How fast one is answered would else tell its
        # sender what others have prompted.
        job = request.request_id.rpartition("/")[0] or request.request_id
        body["cache_salt"] = hashlib.sha256(job.encode()).hexdigest()
    return body


def _seed(seed: int, sample: int) -> int:
    """Return the seed of a sample among those of one prompt, as vLLM itself numbers them."""
    span = 2 * (MAX_SEED + 1)
    return (seed + sample + MAX_SEED + 1) % span - MAX_SEED - 1


def event_of(
    choice: Mapping[str, Any], request: EngineRequest, sample: int, name: Name
) -> TokenEvent:
    """Read one choice of a streamed chunk."""
    tokens = tuple(choice.get("token_ids") or ())
    return TokenEvent(
        request_id=request.request_id or "",
        index=sample,
        token_ids=tokens,
        text=choice["text"] if request.detokenize else "",
        logprobs=_logprobs(choice.get("logprobs"), name),
        finish_reason=cast("FinishReason | None", choice.get("finish_reason")),
        stop_reason=choice.get("stop_reason"),
    )


def _logprobs(answer: Mapping[str, Any] | None, name: Name) -> list[TokenLogprobs] | None:
    if answer is None:
        return None
    rows = zip(answer["tokens"], answer["token_logprobs"], answer["top_logprobs"], strict=True)
    return [
        {
            token: Logprob(logprob, None, name(token))
            for token, logprob in {_id(chosen): chosen_logprob, **_by_id(others)}.items()
        }
        for chosen, chosen_logprob, others in rows
    ]


def _by_id(entries: Mapping[str, float] | None) -> dict[int, float]:
    return {_id(token): logprob for token, logprob in (entries or {}).items()}


def _id(token: str) -> int:
    return int(token.removeprefix(NAMED_ID))


def prompt_logprobs_of(
    choice: Mapping[str, Any], request: EngineRequest, name: Name
) -> PromptLogprobs:
    """Read a scored prompt: for each of its tokens its own entry first, then the likeliest."""
    rows = zip(request.prompt_token_ids, choice["prompt_logprobs"], strict=True)
    return [_prompt_row(token, entries, name) for token, entries in rows]


def _prompt_row(
    token: int, entries: Mapping[str, Mapping[str, Any]] | None, name: Name
) -> TokenLogprobs | None:
    if entries is None:
        return None
    by_id = {int(other): entry for other, entry in entries.items()}
    likeliest = sorted(by_id, key=lambda other: (other != token, by_id[other]["rank"]))
    return {
        other: Logprob(
            by_id[other]["logprob"],
            by_id[other]["rank"],
            name(other) if name(other) is not None else by_id[other].get("decoded_token"),
        )
        for other in likeliest
    }
