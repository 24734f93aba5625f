// @ts-check
// Rate, errors and duration of services and their operations, from the span metrics that Tempo's metrics generator writes.

import { ask } from "../api.js";
import { matcher } from "../correlation.js";

/** @import { Times } from "../types" */
/** @import { Figures } from "./types" */

const CALLS = "traces_spanmetrics_calls_total";
const LATENCY = "traces_spanmetrics_latency_bucket";
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };
/** Points of the small charts. */
const POINTS = 30;
/** Seconds between two samples of the generator, at most. */
export const EVERY = 15;

/** What others ask of a service. A service that nobody calls is measured by all of its spans. */
const ASKED = 'span_kind=~"SPAN_KIND_SERVER|SPAN_KIND_CONSUMER"';

/**
 * The queries: of all services, or of the operations of one. `window` is in seconds.
 * @param {number} window @param {string} [service]
 */
export function redQueries(window, service) {
  const by = service === undefined ? "service" : "span_name, span_kind";
  /** @param {string} metric @param {string[]} matchers */
  const rate = (metric, matchers, labels = by) =>
    `sum by (${labels}) (rate(${metric}{${matchers.join(", ")}}[${window}s]))`;
  const failed = 'status_code="STATUS_CODE_ERROR"';
  /** @type {Record<string, (matchers: string[]) => string>} */
  const measures = { rate: (all) => rate(CALLS, all), errors: (all) => rate(CALLS, [...all, failed]) };
  for (const [name, q] of Object.entries(QUANTILES)) {
    measures[name] = (all) => `histogram_quantile(${q}, ${rate(LATENCY, all, `${by}, le`)})`;
  }
  // The operations of one service are told apart by their kind anyway.
  /** @param {(matchers: string[]) => string} of */
  const whole = (of) =>
    service === undefined
      ? `${of([ASKED])} or (${of([])} unless on (service) ${CALLS}{${ASKED}})`
      : of([matcher("service", [service])]);
  return Object.fromEntries(Object.entries(measures).map(([name, of]) => [name, whole(of)]));
}

/**
 * The figures of all services, or of the operations of one, those with the highest rate first.
 * @param {Times} range @param {AbortSignal} signal @param {string} [service] @returns {Promise<Figures[]>}
 */
export async function figures({ start, end }, signal, service) {
  const seconds = (end - start) / 1000;
  const queries = redQueries(Math.max(4 * EVERY, Math.round(seconds)), service);
  /** @param {string} query */
  const get = async (query) =>
    (await ask("prometheus", "api/v1/query", { query, time: end / 1000 }, signal)).data.result;
  const step = Math.max(EVERY, Math.ceil(seconds / POINTS));
  const over = {
    query: redQueries(Math.max(4 * EVERY, 2 * step), service).rate,
    start: start / 1000,
    end: end / 1000,
    step,
  };
  const known = service === undefined ? services({ start, end }, signal) : [];
  const [line, ...parts] = await Promise.all([
    ask("prometheus", "api/v1/query_range", over, signal),
    ...Object.values(queries).map(get),
  ]);
  /** @type {Map<string, Figures>} */
  const all = new Map();
  /** @param {Record<string, string>} metric */
  const of = (metric) => {
    const { service: name = "", span_name: operation = "", span_kind: kind = "" } = metric;
    const key = JSON.stringify([name, operation, kind]);
    const found = all.get(key) ?? { name: operation || name, kind: word(kind), errors: 0, line: [] };
    all.set(key, found);
    return found;
  };
  Object.keys(queries).forEach((name, at) => {
    for (const { metric, value = [] } of parts[at]) Object.assign(of(metric), { [name]: Number(value[1]) });
  });
  for (const { metric, values = [] } of line.data.result) {
    of(metric).line = values.map((/** @type {[number, string]} */ [time, text]) => [time, Number(text)]);
  }
  // What has sent spans is there at once, without figures until the generator has written them.
  for (const name of await known) of({ service: name });
  return [...all.values()].sort((a, b) => (b.rate ?? -1) - (a.rate ?? -1) || (a.name < b.name ? -1 : 1));
}

/** The services of the spans that Tempo has; none if it does not tell. @param {Times} range @param {AbortSignal} signal @returns {Promise<string[]>} */
async function services({ start, end }, signal) {
  const window = { start: Math.floor(start / 1000), end: Math.ceil(end / 1000) };
  const path = "api/v2/search/tag/resource.service.name/values";
  /** @type {{ tagValues?: { value: string }[] }} */
  const { tagValues = [] } = await ask("tempo", path, window, signal).catch(() => ({}));
  return tagValues.map((one) => one.value);
}

/** `server` for SPAN_KIND_SERVER. @param {string} kind */
function word(kind) {
  return kind.replace("SPAN_KIND_", "").toLowerCase();
}
