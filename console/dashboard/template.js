// @ts-check
// Fills variables and macros into queries. src/lab/verify/template.rs does the same for `lab verify`;
// tests/golden/grafana.json has the cases that both must pass.

import { milliseconds } from "../time.js";
import { formatted } from "./format.js";

/** @import { Choice, Language, Limits, Times } from "./types" */

/** Scrape interval in seconds that Grafana assumes for a data source without one. */
const SCRAPE = 15;
/** The most points per series that Prometheus accepts. */
const MOST_POINTS = 11_000;
const PLACE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}/g;
/** Parses a duration such as `>15s`; a plain number is seconds. */
const seconds = (text = "") => {
  const plain = text.trim().replace(/^>/, "");
  return /^[\d.]+$/.test(plain) ? Number(plain) : milliseconds(plain) / 1000;
};

/**
 * Step and rate interval of a query, as Grafana computes them. The limits hold no variables any more.
 * @param {{ start: number, end: number }} span @param {Language} language @param {Limits} limits @returns {Times}
 */
export function timesOf({ start, end }, language, { own = "", panel, scrape: scraped, points, factor = 1 }) {
  const range = (end - start) / 1000;
  const fitting = Math.ceil(range / Math.min(MOST_POINTS, points));
  const smallest = seconds(own) || seconds(panel);
  if (language === "loki") {
    const step = Math.max(fitting, smallest || 1) * factor;
    return { range, end, step, rateInterval: step };
  }
  const every = seconds(scraped) || SCRAPE;
  const step = Math.max(fitting, smallest || every);
  /** @param {number} scrape */
  const rate = (scrape) => Math.max(step + scrape, 4 * scrape);
  if (/^\$\{?__rate_interval\}?$/.test(own)) return { range, end, step: rate(every), rateInterval: rate(every) };
  const found = /^\$(\{?__interval\}?|__auto)$/.test(own);
  return { range, end, step: step * factor, rateInterval: rate(found ? step : seconds(own) || every) };
}

/** @param {string} text @param {Language} language @param {Times} times @param {readonly Choice[]} choices */
export function filled(text, language, times, choices) {
  const macros = macrosOf(times);
  return text.replace(PLACE, (found, plain, square, squared, braced, field, colon) => {
    const name = plain ?? square ?? braced;
    const format = squared ?? colon;
    const choice = choices.find((one) => one.name === name);
    const value = macros.get(name)?.(format) ?? (choice && !field ? written(choice, language, format) : undefined);
    if (value !== undefined) return value;
    // `$1` is a regex group, not a variable.
    if (/^\d+$/.test(name)) return found;
    throw new Error(`${found} is not a known variable or macro.`);
  });
}

/** The name of the variable if the text is exactly one variable. @param {string} text */
export function variableName(text) {
  const [found, plain, square, , braced] = [...text.matchAll(PLACE)][0] ?? [];
  return found === text ? (plain ?? square ?? braced) : undefined;
}

/** Names of the variables and macros in a text. @param {string} text */
export function namesIn(text) {
  return Array.from(text.matchAll(PLACE), ([, plain, square, , braced]) => plain ?? square ?? braced);
}

/** @param {Choice} choice @param {Language} language @param {string | undefined} format */
function written(choice, language, format) {
  if (format) return formatted(choice, format);
  const { values, pattern, literal } = choice;
  if (values.length !== 1) {
    const any = values.map(escaped).join("|");
    return language === "loki" ? any : `(${any})`;
  }
  if (literal) return values[0];
  return pattern ? escaped(values[0]) : values[0].replace(/["\\]/g, "\\$&");
}

/** Escapes a value for a regular expression inside a quoted string. @param {string} value */
function escaped(value) {
  return value
    .replace(/\\/g, "\\\\\\\\")
    .replace(/"/g, '\\"')
    .replace(/[$^*{}[\]'+?.()|]/g, "\\\\$&");
}

/** @param {Times} times @returns {Map<string, (format?: string) => string | undefined>} */
function macrosOf({ range, step, rateInterval, end = Date.now() }) {
  /** @param {number} value */
  const whole = (value) => String(Math.round(value));
  /** @param {number} value */
  const interval = (value) => `${whole(Math.max(1, value))}s`;
  /** @param {number} ms */
  const moment = (ms, format = "date:ms") => {
    if (format === "date" || format === "date:iso") return new Date(ms).toISOString();
    return format === "date:seconds" ? whole(Math.floor(ms / 1000)) : format === "date:ms" ? whole(ms) : undefined;
  };
  /** @type {[string, (format?: string) => string | undefined][]} */
  const all = [
    ["__interval", () => interval(step)],
    ["__auto", () => interval(step)],
    ["__interval_ms", () => whole(step * 1000)],
    ["__rate_interval", () => interval(rateInterval)],
    ["__rate_interval_ms", () => whole(rateInterval * 1000)],
    ["__range", () => interval(range)],
    ["__range_s", () => whole(range)],
    ["__range_ms", () => whole(range * 1000)],
    ["__to", (format) => moment(end, format)],
    ["__from", (format) => moment(end - range * 1000, format)],
  ];
  return new Map(all);
}
