// @ts-check
// Time ranges in Grafana's notation.

/** @typedef {import("./types").Range} Range */

/** @type {Record<string, number>} */
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The ranges on offer; the first is the default. */
export const RANGES = [
  { from: "now-5m", label: "Last 5 minutes" },
  { from: "now-15m", label: "Last 15 minutes" },
  { from: "now-1h", label: "Last hour" },
];

/** The refresh intervals on offer; empty is off. */
export const REFRESHES = ["", "5s", "10s", "30s", "1m"];

/** `90s`, `5m`, `1h` in milliseconds; 0 when it is none of these. @param {string | null | undefined} text */
export function milliseconds(text) {
  const found = /^(\d+(?:\.\d+)?)(ms|[smhd])$/.exec(text ?? "");
  return found ? Number(found[1]) * UNITS[found[2]] : 0;
}

/**
 * `now`, `now-5m`, or milliseconds since the epoch; undefined for anything else.
 * @param {string} text @param {number} now
 */
export function moment(text, now) {
  if (text === "now") return now;
  const back = text.startsWith("now-") ? milliseconds(text.slice(4)) : 0;
  if (back > 0) return now - back;
  return /^\d{10,16}$/.test(text) ? Number(text) : undefined;
}

/** Start and end of a range; the last five minutes when the range is invalid or empty. @param {Range} range */
export function span(range, now = Date.now()) {
  const start = moment(range.from, now);
  const end = moment(range.to, now);
  const good = start !== undefined && end !== undefined && start < end;
  return good ? { start, end } : { start: now - 5 * UNITS.m, end: now };
}

/**
 * The range in the URL, else `fallback`.
 * @param {URLSearchParams} params @param {Range} [fallback] @returns {Range}
 */
export function rangeOf(params, fallback = { from: RANGES[0].from, to: "now" }) {
  const from = params.get("from") ?? fallback.from;
  const to = params.get("to") ?? fallback.to;
  const known = moment(from, 0) !== undefined && moment(to, 0) !== undefined;
  return known ? { from, to } : fallback;
}

/** The range between two times, a second long at least. @param {number} start @param {number} end @returns {Range} */
export function between(start, end) {
  return { from: String(Math.round(start)), to: String(Math.round(Math.max(end, start + 1000))) };
}
