"""A collector of traces as the ones that people run: it takes OTLP over HTTP, as protobuf."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from portal.observability.traces import tracing


@dataclass(frozen=True)
class Received:
    """A span as it came over the wire."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str]
    failed: bool
    nanoseconds: int
    service: str


@dataclass
class Collector:
    """The spans that were sent so far; ``raw`` is all of it, to look for what may not be there."""

    spans: list[Received] = field(default_factory=list)
    raw: bytes = b""

    def take(self, body: bytes) -> None:
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = attributes_of(resource.resource)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [read(span, service) for span in scope.spans]

    def named(self, name: str) -> Received:
        [span] = [span for span in self.received() if span.name == name]
        return span

    def received(self) -> list[Received]:
        assert tracing.spans is not None
        tracing.spans.provider.force_flush()
        return self.spans


def attributes_of(holder) -> dict[str, str]:
    values = {pair.key: pair.value for pair in holder.attributes}
    return {name: value.string_value or str(value.int_value) for name, value in values.items()}


def read(span, service: str) -> Received:
    return Received(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        attributes_of(span),
        span.status.code == span.status.STATUS_CODE_ERROR,
        span.end_time_unix_nano - span.start_time_unix_nano,
        service,
    )


@contextmanager
def collecting(monkeypatch) -> Iterator[Collector]:
    """Trace within the block, and send it here."""
    collector = Collector()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_packed = self.headers.get("Content-Encoding") == "gzip"
            collector.take(gzip.decompress(body) if is_packed else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        tracing.start()
        try:
            yield collector
        finally:
            tracing.stop()
            server.shutdown()
