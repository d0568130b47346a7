"""Run requests on a portal's hosted model, through the interface of ``Engine``.

A script that makes an ``Engine`` runs with a ``RemoteEngine`` after changing that line. Captured
values are torch's tensors where torch is installed, else numpy's arrays.
"""

import json
from collections.abc import Iterator
from collections.abc import Sequence as Several
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

from inference.engine.outputs import EngineRequest, RequestOutput, TokenEvent
from inference.engine.sampling_params import SamplingParams
from inference.engine.validation import Prompt, RequestValidator, as_list
from inference.errors import EngineClosed, PromptTooLong, RemoteError, RemoteRefusal
from inference.interp.captured import Captured
from inference.interp.spec import Capture, Intervention, WhiteBox
from inference.remote.connection import JOB_FAILED, Connection
from inference.remote.served_model import (
    ServedConfig,
    ServedTokenizer,
    find_tokenizer,
    read_config,
    read_model,
)
from inference.remote.spelling import body_of, event_of, failed_output, output_of, require_sendable
from inference.remote.tensors import Uploads, fetch_captured
from inference.tokenizer import Tokenizer

COMPLETIONS = "/v1/completions"


class RemoteEngine:
    """Serves one model that a portal hosts. Its names and types are those of ``Engine``.

    base_url: the portal's address. token: an access token of the scope infer. model:
    NAMESPACE/NAME. concurrency: how many requests of one call are open at a time.
    timeout_seconds: how long the portal may send nothing. patience_seconds: how long it is waited
    for where it says to come back later. max_capture_bytes: what one request may copy out.

    Raises RemoteError where the portal can't be reached, or hosts no such model for this token;
    ValueError for what Engine refuses, RemoteRefusal (a ValueError too) for what the portal does.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        model: str,
        *,
        concurrency: int = 4,
        timeout_seconds: float = 600.0,
        patience_seconds: float = 300.0,
        max_capture_bytes: int = 2**30,
    ) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency must be 1 or more, not {concurrency}")
        self.model, self._concurrency = model, concurrency
        self._connection = Connection(
            base_url, token, timeout_seconds=timeout_seconds, patience_seconds=patience_seconds
        )
        self._max_capture_bytes, self._closed = max_capture_bytes, False
        try:
            self.config: ServedConfig = read_config(
                self._connection, model, read_model(self._connection, model)
            )
        except BaseException:
            self._connection.close()
            raise
        self.max_model_len = self.config.max_position_embeddings
        self._uploads = Uploads(self._connection)

    @cached_property
    def tokenizer(self) -> Tokenizer | ServedTokenizer:
        """The model's tokenizer, or one that asks the portal where its files can't be read."""
        self._require_open()
        return find_tokenizer(self._connection, self.model, self.config)

    def close(self) -> None:
        """Close the connections and refuse new requests. A second call does nothing."""
        self._closed = True
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def prompt_token_ids(self, prompt: Prompt) -> list[int]:
        """Return a prompt's ids, as ``generate`` takes them. Raises ValueError for a bad one."""
        return self._validator.prompt_token_ids(prompt)

    def generate(
        self,
        prompts: Prompt | Several[Prompt],
        sampling_params: SamplingParams | Several[SamplingParams] | None = None,
        *,
        captures: Several[Capture] = (),
        interventions: Several[Intervention] = (),
    ) -> list[RequestOutput]:
        """Run prompts (text or ids) to their ends and return their outputs, in their order.

        As ``Engine.generate``: a bad prompt raises ValueError naming its index, and none is run.
        What the portal alone refuses ends the call too, while others may have run.
        """
        several = as_list(prompts)
        requests = self._validator.requests(several, sampling_params, captures, interventions)
        outputs = self.run(requests)
        for prompt, output in zip(several, outputs, strict=True):
            output.prompt = prompt if isinstance(prompt, str) else None
        return outputs

    def run(self, requests: Several[EngineRequest]) -> list[RequestOutput]:
        """Run requests to their ends and return their outputs, in their order."""
        self._require_open()
        checked = self._validator.all_checked(requests)
        for request in checked:
            require_sendable(request)
        white_boxes = self._uploads.referenced([_inside(request) for request in checked])
        bodies = [
            body_of(self.model, request, white_box, stream=False)
            for request, white_box in zip(checked, white_boxes, strict=True)
        ]
        if len(bodies) == 1:  # in this thread, so that Ctrl-C ends it at once
            return [self._completed(0, checked[0], bodies[0])]
        pool = ThreadPoolExecutor(self._concurrency)
        try:
            return list(pool.map(self._completed, range(len(bodies)), checked, bodies))
        finally:  # after an error those that wait aren't sent; those that run end by themselves
            pool.shutdown(wait=False, cancel_futures=True)

    def stream(
        self,
        prompt: Prompt,
        sampling_params: SamplingParams | None = None,
        *,
        captures: Several[Capture] = (),
        interventions: Several[Intervention] = (),
    ) -> Iterator[TokenEvent]:
        """Return an iterator over one prompt's events; leaving it early cancels the request.

        As ``Engine.stream``, but what was captured comes with the samples' last events.
        """
        self._require_open()
        [request] = self._validator.requests([prompt], sampling_params, captures, interventions)
        request = self._validator.checked(request)
        require_sendable(request)
        return self._stream(request)

    def _completed(self, number: int, request: EngineRequest, body: Any) -> RequestOutput:
        try:
            answer = self._connection.json("POST", COMPLETIONS, json=body)
        except RemoteError as error:
            if error.code != JOB_FAILED:
                raise
            return failed_output(request, str(error))
        except RemoteRefusal as error:
            raise RemoteRefusal(f"prompt {number}: {error}", error.field) from error
        except PromptTooLong as error:
            raise PromptTooLong(f"prompt {number}: {error}") from error
        return output_of(request, answer, self._captured(answer))

    def _stream(self, request: EngineRequest) -> Iterator[TokenEvent]:
        [white_box] = self._uploads.referenced([_inside(request)])
        body = body_of(self.model, request, white_box, stream=True)
        last_events: dict[int, TokenEvent] = {}
        captured: dict[int, Captured] = {}
        unfinished, request_id = set(request.samples), ""
        with self._connection.stream("POST", COMPLETIONS, json=body) as response:
            for chunk in _chunks(response.iter_lines()):
                if "error" in chunk:
                    yield from _failed(request_id, unfinished, chunk["error"]["message"])
                    return
                request_id = chunk["id"]
                captured |= self._captured(chunk)
                for choice in chunk["choices"]:
                    event = event_of(request, request_id, choice)
                    if event.finish_reason is None or not request.captures:
                        yield event
                    else:
                        last_events[event.index] = event
                    if event.finish_reason is not None:
                        unfinished.discard(event.index)
        if unfinished:
            raise RemoteError("the stream ended before the text did: try again")
        for index, event in last_events.items():
            snapshots = captured[index].snapshots if index in captured else ()
            yield replace(event, captured=tuple(snapshots))

    def _captured(self, answer: Any) -> dict[int, Captured]:
        described = (answer.get("x_weightgate") or {}).get("captures")
        return fetch_captured(self._connection, described) if described else {}

    @cached_property
    def _validator(self) -> RequestValidator:
        return RequestValidator(
            self.config,
            self.tokenizer,
            self.max_model_len,
            self._require_fits,
            self._max_capture_bytes,
            range(self.config.num_hidden_layers),
            lambda white_box: white_box,  # its values are written down before anything runs
        )

    def _require_fits(self, prompt_tokens: int, max_tokens: int) -> None:
        wanted = prompt_tokens + max_tokens
        if wanted > self.max_model_len:
            raise PromptTooLong(
                f"{prompt_tokens} prompt tokens and {max_tokens} new ones are {wanted}, "
                f"over the model's {self.max_model_len}"
            )

    def _require_open(self) -> None:
        if self._closed:
            raise EngineClosed("the engine is closed")


def _inside(request: EngineRequest) -> WhiteBox:
    return WhiteBox(tuple(request.captures), tuple(request.interventions))


def _chunks(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a stream of server-sent events, until it says that it is done."""
    for line in lines:
        name, _, data = line.partition(":")
        if name != "data":
            continue  # a comment, which keeps the connection open
        if data.strip() == "[DONE]":
            return
        yield json.loads(data)


def _failed(request_id: str, indices: set[int], message: str) -> Iterator[TokenEvent]:
    for index in sorted(indices):
        yield TokenEvent(request_id, index, finish_reason="error", error=message)
