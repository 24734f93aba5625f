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
  const traceId = randomBytes(16).toString("hex");
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
      const level = failed ? { severityNumber: 17, severityText: "ERROR" } : { severityNumber: 9, severityText: "INFO" };
      const record = { timeUnixNano: from, body: { stringValue: says }, attributes: attributes(tags), traceId, spanId };
      resourceLogs.push({ resource, scopeLogs: [{ scope: { name: "shop.log" }, logRecords: [{ ...record, ...level }] }] });
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
      { ...pay, time: [28, paid + 2], failed, calls: [{ ...charge, time: [30, paid], failed, says: "charge of a card" }] },
      ...(retried ? [{ ...pay, time: /** @type {[number, number]} */ ([paid + 4, paid + 14]) }] : []),
    ],
  };
}
