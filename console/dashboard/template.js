// @ts-check
// What takes the place of variables and macros. src/lab/verify/template.rs does the same for `lab verify`: they agree.

import { milliseconds } from "../time.js";

/** @import { Choice, Language, Limits, Times } from "./types" */

/** Seconds between two scrapes that Grafana assumes when a data source names none. */
const SCRAPE = 15;
/** Prometheus refuses more points of a series. */
const MOST_POINTS = 11_000;
const PLACE = /\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]/g;

const seconds = (/** @type {string | undefined} */ text) => milliseconds(text) / 1000;

/** @param {{ start: number, end: number }} span @param {Language} language @param {Limits} limits @returns {Times} */
export function timesOf({ start, end }, language, { own, panel, scrape, points }) {
  const interval = seconds(own) || seconds(scrape) || SCRAPE;
  const smallest = seconds(own) || seconds(panel) || (language === "loki" ? 1 : interval);
  const step = Math.max(Math.ceil((end - start) / 1000 / Math.min(MOST_POINTS, points)), smallest);
  return { range: (end - start) / 1000, step, rateInterval: Math.max(step + interval, 4 * interval) };
}

/** @param {string} text @param {Language} language @param {Times} times @param {readonly Choice[]} choices */
export function filled(text, language, times, choices) {
  const macros = macrosOf(times);
  return text.replace(PLACE, (found, plain, braced, format, square) => {
    const name = plain ?? braced ?? square;
    const choice = choices.find((one) => one.name === name);
    const macro = macros.get(name);
    if (macro) return macro;
    if (choice) return format === "raw" ? choice.values.join(",") : formatted(choice, language);
    // A line format's `$1` and the like are no variables.
    if (/^\d+$/.test(name)) return found;
    throw new Error(`The query uses ${found}, which is no variable of this dashboard.`);
  });
}

/** @param {Choice} choice @param {Language} language */
function formatted({ values, pattern, literal }, language) {
  if (values.length !== 1) {
    const any = values.map(escaped).join("|");
    return language === "loki" ? any : `(${any})`;
  }
  if (literal) return values[0];
  return pattern ? escaped(values[0]) : values[0].replace(/["\\]/g, "\\$&");
}

/** A value as part of a regular expression that is inside of a quoted string. @param {string} value */
function escaped(value) {
  return value.replace(/\\/g, "\\\\\\\\").replace(/"/g, '\\"').replace(/[$^*{}[\]'+?.()|]/g, "\\\\$&");
}

/** @param {Times} times */
function macrosOf({ range, step, rateInterval }) {
  const whole = (/** @type {number} */ value) => String(Math.round(value));
  const interval = (/** @type {number} */ value) => `${whole(Math.max(1, value))}s`;
  return new Map([
    ["__interval", interval(step)],
    ["__auto", interval(step)],
    ["__interval_ms", whole(step * 1000)],
    ["__rate_interval", interval(rateInterval)],
    ["__range", interval(range)],
    ["__range_s", whole(range)],
    ["__range_ms", whole(range * 1000)],
  ]);
}
