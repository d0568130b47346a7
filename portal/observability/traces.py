"""Traces of requests by OpenTelemetry, from the web to the engine and the mail server.

They are made only where ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set. Until ``Tracing.start`` these
functions do nothing, and what makes spans isn't imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from portal.observability.spans import Spans

HEADER = "traceparent"
LENGTH = 55
Attributes = Mapping[str, str | int]


class Tracing:
    """The tracing of this process; off until ``start``."""

    def __init__(self) -> None:
        self.spans: Spans | None = None

    def start(self) -> None:
        """Make spans from now on, as OpenTelemetry's own variables say how many and where to."""
        from portal.observability.spans import Spans

        self.spans = Spans()

    def stop(self) -> None:
        """Send what is left, and make no more spans."""
        if self.spans is not None:
            self.spans.close()
        self.spans = None


tracing = Tracing()


def trace_parent() -> str:
    """Return the span that this code works in, as W3C's header writes it; "" outside of one."""
    return tracing.spans.parent() if tracing.spans else ""


def continued(name: str, parent: str) -> AbstractContextManager[Any]:
    """Work within a span that continues a request's; without one, where there is no parent."""
    return tracing.spans.within(name, parent) if tracing.spans and parent else nullcontext()


def past_span(
    name: str, parent: str, begin: datetime, end: datetime, attributes: Attributes | None = None
) -> str:
    """Make a span of what is over, and return it as a parent for its parts; "" without a parent."""
    if not (tracing.spans and parent):
        return ""
    return tracing.spans.past(name, parent, begin, end, attributes)
