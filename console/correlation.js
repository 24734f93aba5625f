// @ts-check
// The ways between the pillars, as etc/grafana/datasources.yaml defines them for Grafana too.

import { lab } from "./api.js";
import { link } from "./address.js";
import { milliseconds } from "./time.js";

/** @typedef {import("./types").Span} Span */
/** @typedef {import("./types").Shifts} Shifts */

/** @type {Promise<import("./types").DataSource[]> | undefined} */
let known;

/** The data sources of the lab, asked once. */
export function dataSources() {
  known ??= lab("/api/datasources").catch((error) => {
    known = undefined;
    throw error;
  });
  return known;
}

/** @param {string} type */
async function settings(type) {
  return (await dataSources()).find((one) => one.type === type)?.jsonData ?? {};
}

/** The address of a trace, or null for what is no id, such as the 0 outside of a request. @param {string} id */
export function traceAddress(id) {
  return /^[0-9a-fA-F]{16,32}$/.test(id) && !/^0+$/.test(id) ? `/traces/${id.toLowerCase()}` : null;
}

/** Metric → trace: finds the trace id among an exemplar's labels. */
export async function exemplarTrace() {
  const destinations = (await settings("prometheus")).exemplarTraceIdDestinations ?? [];
  return (/** @type {Record<string, string>} */ labels) =>
    destinations.map((one) => labels[one.name]).find((value) => value && traceAddress(value)) ?? null;
}

/**
 * Trace → logs: the query for the lines of spans of one trace, null when they have none of the mapped tags. With
 * `ofSpan` only lines with the id of the (one) span, even where the mapping takes the whole trace's.
 * @param {string} traceId @param {readonly Span[]} spans
 * @returns {Promise<import("./types").LogsQuery | null>}
 */
export async function logsQuery(traceId, spans, { ofSpan = false } = {}) {
  const mapping = (await settings("tempo")).tracesToLogsV2;
  if (!mapping || spans.length === 0) return null;
  /** @type {Map<string, string[]>} */
  const labels = new Map();
  for (const [label, value] of spans.flatMap((one) => tags(mapping, one))) {
    const values = labels.get(label) ?? [];
    if (!values.includes(value)) labels.set(label, [...values, value]);
  }
  if (labels.size === 0) return null;
  let query = `{${[...labels].map(([label, values]) => matcher(label, values)).join(", ")}}`;
  if (mapping.filterByTraceID) query += ` |= ${quoted(traceId)}`;
  if (mapping.filterBySpanID || ofSpan) query += ` |= ${quoted(spans[0].spanId)}`;
  return { query, ...around(mapping, spans) };
}

/** The address of the logs view with a query. @param {import("./types").LogsQuery} logs */
export function logsAddress(logs) {
  return link("/logs", { ...logs });
}

/**
 * Trace → metrics: a dashboard whose variables are the mapped tags of a span, around its time; null without tags.
 * @param {string} uid of the dashboard @param {Span} span
 */
export async function metricsAddress(uid, span) {
  const mapping = (await settings("tempo")).tracesToMetrics;
  const found = mapping ? tags(mapping, span) : [];
  if (!mapping || found.length === 0) return null;
  const variables = found.map(([label, value]) => [`var-${label}`, value]);
  return link(`/d/${uid}`, { ...Object.fromEntries(variables), ...around(mapping, [span]) });
}

/** Log → trace: finds what in a line leads somewhere. */
export async function derivedFields() {
  const fields = ((await settings("loki")).derivedFields ?? [])
    .filter((field) => (field.matcherType ?? "regex") === "regex")
    .map((field) => ({ ...field, regex: new RegExp(field.matcherRegex, "d") }));
  return (/** @type {string} */ line) =>
    fields.flatMap(({ name, regex, urlDisplayLabel: label = name, datasourceUid }) => {
      const found = regex.exec(line);
      const [start, end] = found?.indices?.[1] ?? [0, 0];
      const value = found?.[1];
      const href = datasourceUid === "tempo" && value ? traceAddress(value) : null;
      return value ? [{ name, value, label, href, start, end }] : [];
    });
}

/** A matcher of a selector for one value, or for any of several. @param {string} label @param {string[]} values */
export function matcher(label, values) {
  if (values.length === 1) return `${label}=${quoted(values[0])}`;
  const any = values.map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
  return `${label}=~${quoted(any)}`;
}

/** A string as PromQL, LogQL and TraceQL read it. @param {string} text */
export function quoted(text) {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r")}"`;
}

/** The mapped tags that a span has, by the names of their labels. @param {Shifts} mapping @param {Span} span */
function tags(mapping, span) {
  return (mapping.tags ?? []).flatMap((tag) => {
    const value = span.resource.get(tag.key) ?? span.attributes.get(tag.key);
    return value === undefined ? [] : [/** @type {const} */ ([tag.value || tag.key, String(value)])];
  });
}

/** The time of spans with the shifts of a mapping. @param {Shifts} mapping @param {readonly Span[]} spans */
function around(mapping, spans) {
  const start = Math.min(...spans.map((one) => one.start)) + shift(mapping.spanStartTimeShift);
  const end = Math.max(...spans.map((one) => one.end)) + shift(mapping.spanEndTimeShift);
  return { from: String(Math.floor(start)), to: String(Math.ceil(Math.max(end, start + 1))) };
}

/** @param {string} [text] such as `-1m` */
function shift(text = "") {
  return text.startsWith("-") ? -milliseconds(text.slice(1)) : milliseconds(text);
}
