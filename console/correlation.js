// @ts-check
// Links between metrics, traces and logs, by the settings of etc/grafana/datasources.yaml, which Grafana reads too.
// src/lab/verify/correlation.rs does the same; tests/golden/grafana.json has the cases that both must pass.

import { lab } from "./api.js";
import { link } from "./address.js";
import { milliseconds } from "./time.js";

/** @typedef {import("./types").Span} Span */
/** @typedef {import("./types").Shifts} Shifts */

/** @type {Promise<import("./types").DataSource[]> | undefined} */
let known;

/** The data sources of the lab. They are fetched once; a failed request is tried again by the next caller. */
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

/** The URL of a trace, whose id may lack leading zeros; null for an invalid id, such as the 0 that is logged outside of a request. @param {string} id */
export function traceAddress(id) {
  return /^[0-9a-fA-F]{1,32}$/.test(id) && !/^0+$/.test(id) ? `/traces/${id.toLowerCase()}` : null;
}

/**
 * Metric → trace: finds the trace id among an exemplar's labels.
 * @returns {Promise<(labels: Record<string, string>) => string | null>}
 */
export async function exemplarTrace() {
  const destinations = (await settings("prometheus")).exemplarTraceIdDestinations ?? [];
  return (labels) => destinations.map((one) => labels[one.name]).find((value) => value && traceAddress(value)) ?? null;
}

/**
 * Trace → logs: the query for the log lines of spans of one trace; null when the spans have none of the mapped tags.
 * `ofSpan` restricts it to lines with the id of the first span, even if the mapping does not filter by span id.
 * @param {string} traceId @param {readonly Span[]} spans
 * @returns {Promise<import("./types").LogsQuery | null>}
 */
export async function logsQuery(traceId, spans, { ofSpan = false } = {}) {
  return logsQueryOf(await settings("tempo"), traceId, spans, { ofSpan });
}

/**
 * As `logsQuery`, with given settings. The query is the one that Grafana builds; for several spans it matches them all.
 * @param {import("./types").DataSource["jsonData"]} settings @param {string} traceId @param {readonly Span[]} spans
 * @returns {import("./types").LogsQuery | null}
 */
export function logsQueryOf({ tracesToLogsV2, tracesToLogs: old }, traceId, spans, { ofSpan = false } = {}) {
  /** @param {string} key */
  const sameName = (key) => ({ key });
  const mapping =
    tracesToLogsV2 ?? (old && { ...old, tags: old.mapTagNamesEnabled ? old.mappedTags : old.tags?.map(sameName) });
  if (!mapping || spans.length === 0) return null;
  /** @type {Map<string, string[]>} */
  const labels = new Map();
  for (const [label, value] of spans.flatMap((one) => tags(mapping, one))) {
    const values = labels.get(label) ?? [];
    if (!values.includes(value)) labels.set(label, [...values, value]);
  }
  const matchers = [...labels].map(([label, values]) => matcher(label, values)).join(", ");
  const { spanId } = spans[0];
  if (mapping.customQuery && mapping.query) {
    const query = spanText(mapping.query, traceId, spans[0], matchers);
    return query === null ? null : { query, ...around(mapping, spans) };
  }
  if (labels.size === 0) return null;
  let query = `{${matchers}}`;
  if (mapping.filterByTraceID) query += containsId("trace_id", traceId);
  if (mapping.filterBySpanID || ofSpan) query += containsId("span_id", spanId);
  return { query, ...around(mapping, spans) };
}

/** A filter for an id in the line or in structured metadata. @param {string} name @param {string} id */
function containsId(name, id) {
  const label = `log_line_contains_${name}`;
  return ` | label_format ${label}=\`{{ contains "${id}" __line__  }}\` | ${label}="true" or ${name}="${id}"`;
}

/** The URL of the logs view for a query. @param {import("./types").LogsQuery} logs */
export function logsAddress(logs) {
  return link("/logs", { ...logs });
}

/**
 * Fills Grafana's variables of a span into a query; null if the span lacks one of them.
 * @param {string} text @param {string} traceId @param {Span} span @param {string} matchers the value of `$__tags`
 */
function spanText(text, traceId, span, matchers) {
  const found = new Map([
    ["__span.traceId", traceId],
    ["__trace.traceId", traceId],
    ["__span.spanId", span.spanId],
    ["__span.name", span.name],
  ]);
  let whole = true;
  /** @param {string} name */
  const value = (name) => {
    const [, quotedKey, key = quotedKey] = /^__span\.tags(?:\["(.+)"\]|\.(.+))$/.exec(name) ?? [];
    const one = key ? valueOf(span, key) : found.get(name);
    whole &&= one !== undefined;
    // Within a quoted text.
    return quoted(String(one ?? "")).slice(1, -1);
  };
  const filled = text.replace(/\$__tags|\$\{__tags\}|\$\{(__(?:span|trace)\.[^}]+)\}/g, (_, name) =>
    name ? value(name) : matchers,
  );
  return whole ? filled : null;
}

/**
 * Trace → metrics: the queries of the data source file for a span, each with its name and the URL of its metrics.
 * @param {string} traceId @param {Span} span
 */
export async function metricLinks(traceId, span) {
  return metricLinksOf(await settings("tempo"), traceId, span);
}

/** As `metricLinks`, with given settings. @param {import("./types").DataSource["jsonData"]} settings @param {string} traceId @param {Span} span */
export function metricLinksOf({ tracesToMetrics: mapping }, traceId, span) {
  const matchers = mapping ? tags(mapping, span).map(([label, value]) => matcher(label, [value])) : [];
  return (mapping?.queries ?? []).flatMap(({ name = "Metrics", query = "" }) => {
    const needed = /\$__tags|\$\{__tags\}/.test(query) && matchers.length === 0;
    const expr = needed ? null : spanText(query, traceId, span, matchers.join(", "));
    return mapping && expr ? [{ name, query: expr, ...around(mapping, [span]) }] : [];
  });
}

/**
 * The URL of a dashboard with its variables set to the mapped tags of a span, at the time of the span; null when the span
 * has none of the tags.
 * @param {string} uid of the dashboard @param {Span} span
 */
export async function dashboardAddress(uid, span) {
  const mapping = (await settings("tempo")).tracesToMetrics;
  const found = mapping ? tags(mapping, span) : [];
  if (!mapping || found.length === 0) return null;
  const variables = found.map(([label, value]) => [`var-${label}`, value]);
  return link(`/d/${uid}`, { ...Object.fromEntries(variables), ...around(mapping, [span]) });
}

/** The logs of a service, by the tags that lead from its spans to them; null if the service alone names no log. @param {string} name */
export async function serviceLogs(name) {
  const { tracesToLogsV2: mapping = {} } = await settings("tempo");
  const span = {
    spanId: "",
    name: "",
    start: 0,
    end: 0,
    attributes: new Map(),
    resource: new Map([["service.name", name]]),
  };
  const matchers = tags(mapping, span).map(([label, value]) => matcher(label, [value]));
  return matchers.length > 0 ? `{${matchers.join(", ")}}` : null;
}

/** Log → trace: returns a function that finds the links of a line, by the derived fields of the Loki data source. */
export async function derivedFields() {
  return linksOf((await settings("loki")).derivedFields ?? []);
}

/** What leads on from charts and lines, as far as the lab tells it; with it one chart is loaded at once. */
export async function relations() {
  const [sources, traceOf, links] = await Promise.all([
    dataSources().catch(() => []),
    exemplarTrace().catch(() => () => null),
    derivedFields().catch(() => () => []),
  ]);
  /** @type {<T>(work: () => Promise<T>) => Promise<T>} */
  const queued = (work) => work();
  return { sources, traceOf, links, queued, choices: [] };
}

/** @param {import("./types").DerivedField[]} all @returns {import("./logs/types").Links} */
export function linksOf(all) {
  const fields = all.map((field) => ({
    ...field,
    ofLabel: field.matcherType === "label",
    regex: new RegExp(field.matcherRegex, "d"),
  }));
  return (line, labels = {}) => {
    const links = fields.flatMap(({ name, regex, ofLabel, urlDisplayLabel: label = name, datasourceUid }) => {
      const held = ofLabel ? Object.keys(labels).find((one) => regex.test(one)) : undefined;
      const found = ofLabel ? null : regex.exec(line);
      const [start, end] = found?.indices?.[1] ?? [0, 0];
      const value = held === undefined ? found?.[1] : labels[held];
      const href = datasourceUid === "tempo" && value ? traceAddress(value) : null;
      return value ? [{ name, value, label, href, start, end }] : [];
    });
    // The line and a label may both name the trace.
    return links.filter(({ value }, at) => links.findIndex((one) => one.value === value) === at);
  };
}

/** A label matcher for one value (`=`) or several (`=~`). @param {string} label @param {string[]} values */
export function matcher(label, values) {
  if (values.length === 1) return `${label}=${quoted(values[0])}`;
  const any = values.map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|");
  return `${label}=~${quoted(any)}`;
}

/** A quoted string literal for PromQL, LogQL and TraceQL. @param {string} text */
export function quoted(text) {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r")}"`;
}

/** The mapped tags of a span as pairs of label name and value. @param {Shifts} mapping @param {Span} span */
function tags(mapping, span) {
  return (mapping.tags ?? []).flatMap((tag) => {
    const value = valueOf(span, tag.key);
    return value === undefined ? [] : [/** @type {const} */ ([tag.value || tag.key, String(value)])];
  });
}

/** @param {Span} span @param {string} key */
function valueOf(span, key) {
  return span.resource.get(key) ?? span.attributes.get(key);
}

/** The time range of spans, extended by the shifts of a mapping. @param {Shifts} mapping @param {readonly Span[]} spans */
function around(mapping, spans) {
  const first = spans.reduce((least, one) => Math.min(least, one.start), Infinity);
  const last = spans.reduce((most, one) => Math.max(most, one.end), -Infinity);
  const start = Math.floor(first + shift(mapping.spanStartTimeShift));
  const end = Math.floor(last + shift(mapping.spanEndTimeShift));
  return { from: String(start), to: String(Math.max(end, start + 1)) };
}

/** @param {string} [text] such as `-1m` */
function shift(text = "") {
  return text.startsWith("-") ? -milliseconds(text.slice(1)) : milliseconds(text);
}
