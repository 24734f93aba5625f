// The routes of the speed report on Node's http, with OpenTelemetry's SDK for spans, prom-client for metrics and pino
// for lines. Prints its address.
"use strict";

const { NodeSDK } = require("@opentelemetry/sdk-node");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-grpc");

// Before http is loaded, so that it can be instrumented. The SDK reads OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT.
new NodeSDK({
  traceExporter: new OTLPTraceExporter(),
  instrumentations: [new HttpInstrumentation()],
}).start();

const http = require("node:http");
const { context, trace } = require("@opentelemetry/api");
const pino = require("pino");
const prometheus = require("prom-client");

const log = pino({
  mixin() {
    const span = trace.getSpanContext(context.active());
    return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
  },
});
prometheus.collectDefaultMetrics();
const requests = new prometheus.Counter({
  name: "http_requests_total",
  help: "Requests.",
  labelNames: ["path", "method", "code"],
});
const durations = new prometheus.Histogram({
  name: "http_request_duration_seconds",
  help: "Durations of requests.",
  labelNames: ["path", "method"],
});

const agent = new http.Agent({ keepAlive: true });

function get(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { agent }, (response) => {
        response.resume();
        response.on("error", reject);
        response.on("end", () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`${url}: ${response.statusCode}`)),
        );
      })
      .on("error", reject);
  });
}

let urls = [];

const routes = {
  "/": async () => {
    log.info("hello world");
    return { Hello: "World" };
  },
  "/io_task": async () => {
    log.info("io task");
    return "IO bound task finish!";
  },
  "/cpu_task": async () => {
    log.info("cpu task");
    return { primes: 0 };
  },
  "/chain": async () => {
    for (const url of urls) {
      await get(url);
    }
    log.info("chain finished");
    return { path: "/chain" };
  },
};

const server = http.createServer(async (request, response) => {
  const path = request.url.split("?")[0];
  if (path === "/metrics") {
    response.setHeader("Content-Type", prometheus.register.contentType);
    response.end(await prometheus.register.metrics());
    return;
  }
  const route = routes[path];
  const stop = durations.startTimer({ path: route ? path : "none", method: request.method });
  let code = 200;
  let body;
  try {
    code = route ? 200 : 404;
    body = route ? await route() : { detail: "Not Found" };
  } catch (error) {
    log.error(error, "failed");
    code = 502;
    body = { detail: error.message };
  }
  response.writeHead(code, { "Content-Type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(body));
  requests.inc({ path: route ? path : "none", method: request.method, code });
  stop();
});

server.listen(0, "127.0.0.1", () => {
  const own = `127.0.0.1:${server.address().port}`;
  urls = [
    `http://${own}/`,
    `http://${process.env.TARGET_ONE_HOST}/io_task`,
    `http://${process.env.TARGET_TWO_HOST}/cpu_task`,
  ];
  process.stdout.write(`${own}\n`);
});
