"""Sends spans with the OpenTelemetry SDK for Python, over gRPC and over HTTP.

Usage: otlp_sdk.py GRPC_ENDPOINT HTTP_ENDPOINT

Prints one JSON line for each trace: its id and, for each span, what the SDK itself says about it.
"""

import json
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode


class Checked(SpanExporter):
    """Passes spans on and remembers them, and whether each export succeeded."""

    def __init__(self, exporter):
        self.exporter = exporter
        self.spans = []
        self.succeeded = True

    def export(self, spans):
        self.spans.extend(spans)
        result = self.exporter.export(spans)
        self.succeeded &= result is SpanExportResult.SUCCESS
        return result

    def shutdown(self):
        self.exporter.shutdown()


def described(span):
    """A span as the test compares it."""
    return {
        "id": trace.format_span_id(span.context.span_id),
        "parent": trace.format_span_id(span.parent.span_id) if span.parent else None,
        "name": span.name,
        "kind": span.kind.name,
        "start": span.start_time,
        "end": span.end_time,
        "status": span.status.status_code.name,
        "message": span.status.description or "",
        "attributes": {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in span.attributes.items()
        },
        "events": [[event.name, event.timestamp, sorted(event.attributes)] for event in span.events],
        "links": [
            [trace.format_trace_id(link.context.trace_id), trace.format_span_id(link.context.span_id)]
            for link in span.links
        ],
    }


def run(transport, exporter):
    """Makes one trace of three spans and sends it."""
    checked = Checked(exporter)
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"python-{transport}", "replica": 2})
    )
    provider.add_span_processor(SimpleSpanProcessor(checked))
    tracer = provider.get_tracer("otlp_sdk", "1.0")
    with tracer.start_as_current_span("GET /chain", kind=SpanKind.SERVER) as root:
        root.set_attribute("http.response.status_code", 500)
        root.set_attribute("ratio", 0.5)
        root.set_attribute("cached", True)
        root.set_attribute("tags", ["a", "b"])
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT) as client:
            client.set_attribute("url.full", "http://127.0.0.1:8001/io_task?q=ä ö")
        link = Link(root.get_span_context())
        with tracer.start_as_current_span("fails", links=[link]) as failing:
            failing.record_exception(ValueError("no"))
            failing.set_status(Status(StatusCode.ERROR, "it failed"))
    provider.shutdown()
    if not checked.succeeded:
        sys.exit(f"export over {transport} failed")
    trace_id = trace.format_trace_id(checked.spans[0].context.trace_id)
    spans = [described(span) for span in checked.spans]
    print(json.dumps({"transport": transport, "trace_id": trace_id, "spans": spans}))


def main():
    grpc, http = sys.argv[1:]
    run("grpc", GrpcExporter(endpoint=grpc, insecure=True))
    run("http", HttpExporter(endpoint=http))
    run("gzip", HttpExporter(endpoint=http, compression=Compression.Gzip))


if __name__ == "__main__":
    main()
