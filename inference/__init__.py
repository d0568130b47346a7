"""Serve, train, convert and plan for OPT models, without knowing users, jobs or a database.

``RemoteEngine`` has the interface of ``Engine`` and runs on a portal, over HTTP.

Names are resolved on first use (PEP 562), so importing ``inference.plan`` or
``inference.tokenizer`` never imports torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference.engine.engine import Engine
    from inference.engine.outputs import (
        CompletionOutput,
        EngineRequest,
        EngineStats,
        Logprob,
        RequestOutput,
        TokenEvent,
    )
    from inference.engine.sampling_params import SamplingParams
    from inference.remote.engine import RemoteEngine

__all__ = [
    "CompletionOutput",
    "Engine",
    "EngineRequest",
    "EngineStats",
    "Logprob",
    "RemoteEngine",
    "RequestOutput",
    "SamplingParams",
    "TokenEvent",
]

_HOMES = {
    "Engine": "inference.engine.engine",
    "RemoteEngine": "inference.remote.engine",
    "SamplingParams": "inference.engine.sampling_params",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "inference.engine.outputs")), name)
