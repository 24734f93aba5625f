// @ts-check
// State of the logs view in the URL, its LogQL query, and the lines in Loki's response.

import { ask } from "../api.js";
import { matcher, quoted } from "../correlation.js";
import { rangeOf } from "../time.js";

/** @import { Entry, Filters, Older, Read, State, Stream } from "./types" */

/** The label that names the service, which every stream has. */
export const SERVICE = "service_name";
export const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/** The level that Loki detects in a line of any format. */
export const LEVEL = "detected_level";

const TEXT = /^\d{4}-\d\d-\d\d [\d:, ]+ ([A-Z]+) \[[^\]]*\] \[([^\]]*)\] \[[^\]]*\] - /;
const FIELD = /^(?:(json|logfmt)\|)?([a-zA-Z_]\w*)(!?=)([^]*)$/;
const PAGE = 500;
/** Loki then tells the labels of a stream from the fields of a line. */
export const CATEGORIZED = { "x-loki-response-encoding-flags": "categorize-labels" };
const STEPS = [1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400];

/** @type {(params: URLSearchParams) => State} */
export function stateOf(params) {
  const own = params.get("query")?.trim() ?? "";
  const filters = own ? new URLSearchParams() : params;
  return {
    services: filters.getAll("service").filter(Boolean),
    levels: LEVELS.filter((level) => filters.getAll("level").includes(level)),
    text: filters.get("text") ?? "",
    fields: params.getAll("field").filter((one) => FIELD.test(one)),
    own,
    range: rangeOf(params),
    live: params.has("live"),
  };
}

/** @param {State} state */
export function paramsOf({ services, levels, text, fields, own, range, live }) {
  const filters = own ? { query: own } : { service: services, level: levels, text };
  return { ...filters, field: fields, ...(live ? { live: 1 } : range) };
}

/**
 * A condition on a label or a field, as it is in the URL: its name, `=` or `!=`, its value; before them the parser that
 * finds the field in the line, if it takes one.
 * @param {string} name @param {string} value @param {boolean} without @param {string} [parser]
 */
export function fieldOf(name, value, without, parser = "") {
  return `${parser && `${parser}|`}${name}${without ? "!=" : "="}${value}`;
}

/** The parts of a condition. @param {string} field */
export function partsOf(field) {
  const [, parser = "", name = "", operator = "", value = ""] = FIELD.exec(field) ?? [];
  return { parser, name, without: operator === "!=", value };
}

/** The conditions as stages of a query; each parser once. @param {readonly string[]} fields */
function stages(fields) {
  const all = fields.map(partsOf);
  const parsers = [...new Set(all.map(({ parser }) => parser).filter(Boolean))];
  const conditions = all.map(({ name, without, value }) => `${name}${without ? "!=" : "="}${quoted(value)}`);
  return [...parsers, ...conditions].map((one) => ` | ${one}`).join("");
}

/** @param {Filters & { own?: string }} state an empty filter matches all lines */
export function queryOf({ services, levels, text, fields = [], own }) {
  if (own) return own + stages(fields);
  const selector = services.length > 0 ? matcher(SERVICE, services) : `${SERVICE}=~".+"`;
  const contains = text ? ` |= ${quoted(text)}` : "";
  const level =
    levels.length > 0
      ? ` | ${matcher(
          LEVEL,
          levels.map((one) => one.toLowerCase()),
        )}`
      : "";
  return `{${selector}}${contains}${level}${stages(fields)}`;
}

/** The steps of the volume chart in seconds. A step is identified by its end, as in Loki. @param {import("../types").Times} range */
export function steps({ start, end }) {
  const seconds = (end - start) / 1000;
  const step = STEPS.find((one) => seconds / one <= 60) ?? Math.ceil(seconds / 60);
  const [first, last] = [Math.floor(start / 1000 / step) + 1, Math.ceil(end / 1000 / step)];
  return { step, ends: Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step) };
}

export function counted(count = 0) {
  return `${count.toLocaleString("en")} line${count === 1 ? "" : "s"}`;
}

/** The level name that the services use; empty for an unknown level. */
export function levelName(text = "") {
  const name = text.toUpperCase();
  return LEVELS.find((level) => name.startsWith(level)) ?? (/^(ERR|FATAL|CRIT)/.test(name) ? "ERROR" : "");
}

/** @type {Read} */
export function read({ line, labels }) {
  const [start, level, code] = TEXT.exec(line) ?? [];
  const said = start ? { level, code, message: line.slice(start.length) } : json(line);
  return { ...said, level: levelName(said.level) || levelName(labels.detected_level) };
}

/** @param {string} line */
function json(line) {
  try {
    const { level, message, code } = JSON.parse(line);
    if (message) return { level: `${level}`, code, message: `${message}` };
  } catch {
    // Another format: the line is shown as it is.
  }
  return { message: "" };
}

/** @type {(streams: Stream[]) => Entry[]} */
export function entries(streams) {
  const all = streams.flatMap(({ stream, values }) =>
    values.map(([ts, line, { structuredMetadata: metadata = {}, parsed = {} } = {}]) => {
      const fields = { ...metadata, ...parsed };
      return { ts, line, labels: { ...stream, ...fields }, fields: Object.keys(fields) };
    }),
  );
  return all.sort((a, b) => Number(BigInt(b.ts) - BigInt(a.ts)));
}

/** @type {Older} */
export async function older(query, { start, end }, known, signal) {
  const oldest = known.at(-1)?.ts;
  // Of several lines with the same timestamp some may be loaded and others not.
  const same = new Set(known.filter(({ ts }) => ts === oldest).map((entry) => JSON.stringify(entry)));
  const limit = PAGE + same.size;
  const range = { start: `${start}000000`, end: oldest ? `${BigInt(oldest) + 1n}` : `${end}000000` };
  const { data } = await ask("loki", "loki/api/v1/query_range", { query, ...range, limit }, signal, CATEGORIZED);
  if (data.resultType !== "streams") return { found: [], more: false, numbers: true };
  const all = entries(data.result);
  return { found: all.filter((entry) => !same.has(JSON.stringify(entry))), more: all.length === limit };
}
