// @ts-check
// State of the logs view in the URL, its LogQL query, and the lines in Loki's response.

import { ask } from "../api.js";
import { matcher, quoted } from "../correlation.js";
import { rangeOf } from "../time.js";

/** @import { Entry, Filters, Older, Read, State, Stream } from "./types" */

/** The label that names the service. */
export const SERVICE = "compose_service";
export const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/** The level that Loki detects in a line of any format. */
export const LEVEL = "detected_level";

const TEXT = /^\d{4}-\d\d-\d\d [\d:, ]+ ([A-Z]+) \[[^\]]*\] \[([^\]]*)\] \[[^\]]*\] - /;
const PAGE = 500;
const STEPS = [1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400];

/** @type {(params: URLSearchParams) => State} */
export function stateOf(params) {
  const own = params.get("query")?.trim() ?? "";
  const filters = own ? new URLSearchParams() : params;
  return {
    services: filters.getAll("service").filter(Boolean),
    levels: LEVELS.filter((level) => filters.getAll("level").includes(level)),
    text: filters.get("text") ?? "",
    own,
    range: rangeOf(params),
    live: params.has("live"),
  };
}

/** @param {State} state */
export function paramsOf({ services, levels, text, own, range, live }) {
  return { ...(own ? { query: own } : { service: services, level: levels, text }), ...(live ? { live: 1 } : range) };
}

/** @param {Filters & { own?: string }} state an empty filter matches all lines */
export function queryOf({ services, levels, text, own }) {
  if (own) return own;
  const selector = services.length > 0 ? matcher(SERVICE, services) : `${SERVICE}=~".+"`;
  const contains = text ? ` |= ${quoted(text)}` : "";
  const level =
    levels.length > 0
      ? ` | ${matcher(
          LEVEL,
          levels.map((one) => one.toLowerCase()),
        )}`
      : "";
  return `{${selector}}${contains}${level}`;
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
  const all = streams.flatMap(({ stream, values }) => values.map(([ts, line]) => ({ ts, line, labels: stream })));
  return all.sort((a, b) => Number(BigInt(b.ts) - BigInt(a.ts)));
}

/** @type {Older} */
export async function older(query, { start, end }, known, signal) {
  const oldest = known.at(-1)?.ts;
  // Of several lines with the same timestamp some may be loaded and others not.
  const same = new Set(known.filter(({ ts }) => ts === oldest).map((entry) => JSON.stringify(entry)));
  const limit = PAGE + same.size;
  const range = { start: `${start}000000`, end: oldest ? `${BigInt(oldest) + 1n}` : `${end}000000` };
  const { data } = await ask("loki", "loki/api/v1/query_range", { query, ...range, limit }, signal);
  if (data.resultType !== "streams")
    throw new Error("This query returns numbers, not lines. Remove the metric function, such as count_over_time.");
  const all = entries(data.result);
  return { found: all.filter((entry) => !same.has(JSON.stringify(entry))), more: all.length === limit };
}
