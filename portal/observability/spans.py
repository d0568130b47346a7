"""Make OpenTelemetry's spans and send them; imported only where traces are wanted.

What a span holds is named where it is made, one attribute after the other: never an address that
was asked for, a query, or anything about a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from portal.observability.traces import HEADER, Attributes

NAME = "weightgate"
w3c = TraceContextTextMapPropagator()


class Spans:
    """The spans of this process, which are sent in batches by a thread."""

    def __init__(self) -> None:
        own = Resource({SERVICE_NAME: NAME})
        self.provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()))
        self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self.provider.get_tracer(NAME)

    def close(self) -> None:
        self.provider.shutdown()

    def parent(self, context: Context | None = None) -> str:
        """Return the current span, or that of a context, as W3C's header writes it."""
        headers: dict[str, str] = {}
        w3c.inject(headers, context)
        return headers.get(HEADER, "")

    @contextmanager
    def within(self, name: str, parent: str, kind: SpanKind = SpanKind.CONSUMER) -> Iterator[Span]:
        """Work within a span; one whose parent is "" or can't be read begins a trace."""
        context = w3c.extract({HEADER: parent}, Context())
        with self._tracer.start_as_current_span(
            name, context, kind, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                # Its kind alone: the words of an error may quote anything.
                span.set_attribute("error.type", type(error).__name__)
                mark_failed(span)
                raise

    def past(
        self,
        name: str,
        parent: str,
        begin: datetime,
        end: datetime,
        attributes: Attributes | None = None,
    ) -> str:
        """Make a span of what is over, and return it as its parts name their parent."""
        context = w3c.extract({HEADER: parent}, Context())
        span = self._tracer.start_span(
            name, context, attributes=attributes, start_time=_nanoseconds(begin)
        )
        span.end(_nanoseconds(end))
        return self.parent(set_span_in_context(span))


def mark_failed(span: Span) -> None:
    span.set_status(Status(StatusCode.ERROR))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
