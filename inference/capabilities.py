"""Name what an engine can do beyond sampling tokens, so that requests for more are refused."""

from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from inference.errors import UnsupportedByEngine

if TYPE_CHECKING:
    from inference.engine.outputs import EngineRequest


class Capability(StrEnum):
    """Something that one engine does and another may not."""

    LOGPROBS = "logprobs"
    PROMPT_LOGPROBS = "prompt_logprobs"
    CAPTURE = "capture"
    INTERVENTIONS = "interventions"
    # Another priority for a request that runs already, which so gives its place to another.
    DISPLACEMENT = "displacement"
    STRUCTURED_OUTPUTS = "structured_outputs"


NATIVE = frozenset(
    {
        Capability.LOGPROBS,
        Capability.PROMPT_LOGPROBS,
        Capability.CAPTURE,
        Capability.INTERVENTIONS,
        Capability.DISPLACEMENT,
    }
)
VLLM = frozenset({Capability.LOGPROBS, Capability.PROMPT_LOGPROBS, Capability.STRUCTURED_OUTPUTS})
# By the names that settings, models and heartbeats have for engines.
CAPABILITIES = {"native": NATIVE, "vllm": VLLM}


def needed_by(request: "EngineRequest") -> Iterator[Capability]:
    """Yield what an engine must be able to do for a request."""
    if request.sampling.logprobs is not None:
        yield Capability.LOGPROBS
    if request.sampling.prompt_logprobs is not None:
        yield Capability.PROMPT_LOGPROBS
    if request.captures:
        yield Capability.CAPTURE
    if request.interventions:
        yield Capability.INTERVENTIONS
    if request.sampling.structured_outputs is not None:
        yield Capability.STRUCTURED_OUTPUTS


def require_capable(request: "EngineRequest", capabilities: Collection[Capability]) -> None:
    """Refuse a request for what the engine can't do, by name. Raises UnsupportedByEngine."""
    for capability in needed_by(request):
        if capability not in capabilities:
            raise UnsupportedByEngine(f"this engine has no {capability}")
