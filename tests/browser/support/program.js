// @ts-check
// A program that is not the lab's: it sends traces, logs and metrics over OTLP, as an SDK does.

import { randomBytes } from "node:crypto";

/** @param {number} ms */
const nanos = (ms) => `${Math.round(ms)}000000`;
/** @param {Record<string, string | number>} all */
const attributes = (all) =>
  Object.entries(all).map(([key, value]) => ({
    key,
    value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value },
  }));

/**
 * @param {import("./lab.js").Lab} lab
 * @param {"traces" | "logs" | "metrics"} signal
 * @param {object} body
 */
export async function otlp(lab, signal, body) {
  const response = await fetch(`${lab.otlp_http}/v1/${signal}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== 200 || /rejected/.test(text)) throw new Error(`${signal}: ${response.status} ${text}`);
}

/**
 * @typedef {object} Step a span with those below it; times in milliseconds after the start of the request
 * @property {string} service
 * @property {string} name
 * @property {[number, number]} time
 * @property {2 | 3} [kind] server or client
 * @property {boolean} [failed]
 * @property {Record<string, string | number>} [tags]
 * @property {string} [says] a line that it writes
 * @property {Step[]} [calls]
 */

/**
 * Sends the spans of one request and the lines that they write; returns its trace id.
 *
 * @param {import("./lab.js").Lab} lab
 * @param {Step} root
 * @param {number} [start] milliseconds since the epoch
 */
export async function request(lab, root, start = Date.now() - root.time[1]) {
  // Tempo leaves out leading zeros where it tells ids; every id of these tests has some.
  const traceId = `000${randomBytes(16).toString("hex").slice(3)}`;
  /** @type {object[]} */
  const resourceSpans = [];
  /** @type {object[]} */
  const resourceLogs = [];
  const walk = (/** @type {Step} */ step, parentSpanId = "") => {
    const { service, name, time, kind = 2, failed, tags = {}, says, calls = [] } = step;
    const spanId = randomBytes(8).toString("hex");
    const resource = { attributes: attributes({ "service.name": service, "deployment.environment": "test" }) };
    const [from, to] = time.map((after) => nanos(start + after));
    const span = { traceId, spanId, parentSpanId, name, kind, startTimeUnixNano: from, endTimeUnixNano: to };
    const status = failed ? { code: 2, message: "it failed" } : {};
    resourceSpans.push({ resource, scopeSpans: [{ spans: [{ ...span, status, attributes: attributes(tags) }] }] });
    if (says) {
      const level = failed
        ? { severityNumber: 17, severityText: "ERROR" }
        : { severityNumber: 9, severityText: "INFO" };
      const record = { timeUnixNano: from, body: { stringValue: says }, attributes: attributes(tags), traceId, spanId };
      resourceLogs.push({
        resource,
        scopeLogs: [{ scope: { name: "shop.log" }, logRecords: [{ ...record, ...level }] }],
      });
    }
    for (const call of calls) walk(call, spanId);
  };
  walk(root);
  await otlp(lab, "traces", { resourceSpans });
  if (resourceLogs.length > 0) await otlp(lab, "logs", { resourceLogs });
  return traceId;
}

/**
 * A checkout of a shop.
 *
 * @param {number} slow how many times longer than usual its payment takes
 * @param {{ failed?: boolean, retried?: boolean, note?: string }} [how]
 * @returns {Step}
 */
export function checkout(slow = 1, { failed = false, retried = false, note = "none" } = {}) {
  const paid = 30 + 50 * slow;
  const pay = { service: "shop", name: "POST", kind: /** @type {3} */ (3) };
  const charge = { service: "payment", name: "POST /charge", tags: { "http.route": "/charge", "card.note": note } };
  return {
    service: "shop",
    name: "POST /checkout",
    time: [0, paid + 20],
    failed,
    tags: { "http.route": "/checkout", "user.id": "ada", "cart.items": 3 },
    says: failed ? "checkout failed" : "checkout done",
    calls: [
      { service: "shop", name: "SELECT cart", kind: 3, time: [5, 20], tags: { "db.system": "postgresql" } },
      {
        ...pay,
        time: [28, paid + 2],
        failed,
        calls: [{ ...charge, time: [30, paid], failed, says: "charge of a card" }],
      },
      ...(retried ? [{ ...pay, time: /** @type {[number, number]} */ ([paid + 4, paid + 14]) }] : []),
    ],
  };
}

/**
 * @typedef {object} Measured what the metrics generator would have counted of an operation
 * @property {string} service
 * @property {string} operation
 * @property {string} [kind]
 * @property {boolean} [failed]
 * @property {number} rate per second
 * @property {string} [trace] of its exemplars
 */

const SCRAPE_MS = 15_000;
const SCRAPES = 8;

/**
 * Sends span metrics of the last two minutes, as Tempo's metrics generator writes them: each request took 0.2 s.
 *
 * @param {import("./lab.js").Lab} lab
 * @param {Measured[]} all
 */
export async function spanMetrics(lab, all) {
  const now = Date.now();
  const points = (/** @type {(count: number, one: Measured, at: number) => object} */ of) =>
    all.flatMap((one) =>
      Array.from({ length: SCRAPES + 1 }, (_, at) => {
        const { service, operation, kind = "SPAN_KIND_SERVER", failed } = one;
        const code = failed ? "STATUS_CODE_ERROR" : "STATUS_CODE_UNSET";
        const labels = attributes({ service, span_name: operation, span_kind: kind, status_code: code });
        const time = now - (SCRAPES - at) * SCRAPE_MS;
        const start = nanos(now - (SCRAPES + 1) * SCRAPE_MS);
        const count = Math.round((at * SCRAPE_MS * one.rate) / 1000);
        return { attributes: labels, startTimeUnixNano: start, timeUnixNano: nanos(time), ...of(count, one, time) };
      }),
    );
  const exemplars = (/** @type {Measured} */ { trace }, /** @type {number} */ time) =>
    trace ? [{ timeUnixNano: nanos(time), asDouble: 0.2, traceId: trace, spanId: "00000000000000c1" }] : [];
  const sum = {
    aggregationTemporality: 2,
    isMonotonic: true,
    dataPoints: points((count) => ({ asInt: String(count) })),
  };
  const histogram = {
    aggregationTemporality: 2,
    dataPoints: points((count, one, time) => ({
      count: String(count),
      sum: count * 0.2,
      explicitBounds: [0.1, 0.25, 0.5],
      bucketCounts: [0, count, 0, 0].map(String),
      exemplars: exemplars(one, time),
    })),
  };
  const metrics = [
    { name: "traces_spanmetrics_calls", sum },
    { name: "traces_spanmetrics_latency", histogram },
  ];
  const resource = { attributes: attributes({ "service.name": "generator" }) };
  await otlp(lab, "metrics", { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] });
}
