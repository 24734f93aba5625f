"""The routes of the speed report on FastAPI and uvicorn, with OpenTelemetry's instrumentation for spans,
prometheus-client for metrics and the standard library's log. Prints its address."""

import logging
import os
import socket
import sys
import time
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Histogram
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client import REGISTRY
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response

REQUESTS = Counter("fastapi_requests_total", "Requests.", ["method", "path"])
RESPONSES = Counter("fastapi_responses_total", "Responses.", ["method", "path", "status_code"])
DURATIONS = Histogram("fastapi_requests_duration_seconds", "Durations of requests.", ["method", "path"])

# OTEL_SERVICE_NAME and OTEL_EXPORTER_OTLP_ENDPOINT say who sends spans where.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
trace.set_tracer_provider(provider)
LoggingInstrumentor().instrument(inject_trace_context=True, enable_log_auto_instrumentation=False)
logging.basicConfig(
    level=logging.INFO,
    stream=sys.stdout,
    format="%(asctime)s %(levelname)s [%(name)s] [%(filename)s:%(lineno)d] [trace_id=%(otelTraceID)s "
    "span_id=%(otelSpanID)s resource.service.name=%(otelServiceName)s] - %(message)s",
    force=True,
)
logging.getLogger("httpx").setLevel(logging.WARNING)
log = logging.getLogger(__name__)


class PrometheusMiddleware(BaseHTTPMiddleware):
    """Counts and times requests, with the trace id as exemplar."""

    async def dispatch(self, request: Request, call_next):
        method, path = request.method, request.url.path
        REQUESTS.labels(method, path).inc()
        before = time.perf_counter()
        response = await call_next(request)
        took = time.perf_counter() - before
        trace_id = trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)
        DURATIONS.labels(method, path).observe(took, exemplar={"TraceID": trace_id})
        RESPONSES.labels(method, path, response.status_code).inc()
        return response


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with httpx.AsyncClient() as client:
        HTTPXClientInstrumentor.instrument_client(client)
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)
app.add_middleware(PrometheusMiddleware)


@app.get("/")
async def root():
    log.info("hello world")
    return {"Hello": "World"}


@app.get("/io_task")
async def io_task():
    log.info("io task")
    return "IO bound task finish!"


@app.get("/cpu_task")
async def cpu_task():
    log.info("cpu task")
    return {"primes": 0}


@app.get("/chain")
async def chain():
    for url in app.state.urls:
        (await app.state.client.get(url)).raise_for_status()
    log.info("chain finished")
    return {"path": "/chain"}


@app.get("/metrics")
async def metrics():
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


# The two spans for each message of ASGI are left out: no other server makes their like.
FastAPIInstrumentor.instrument_app(app, excluded_urls="/metrics", exclude_spans=["receive", "send"])

if __name__ == "__main__":
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    own = f"127.0.0.1:{listener.getsockname()[1]}"
    app.state.urls = [
        f"http://{own}/",
        f"http://{os.environ['TARGET_ONE_HOST']}/io_task",
        f"http://{os.environ['TARGET_TWO_HOST']}/cpu_task",
    ]
    print(own, flush=True)
    uvicorn.run(app, fd=listener.fileno(), log_config=None, access_log=False)
