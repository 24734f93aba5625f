// @ts-check
// Formats numbers and times, by Grafana's unit names.

const SHORT = ["", " K", " Mil", " Bil", " Tri"];
const BYTES = [" B", " KiB", " MiB", " GiB", " TiB"];
const DECIMAL_BYTES = [" B", " kB", " MB", " GB", " TB"];
/** @type {Record<string, string>} */
const RATES = {
  cps: " c/s",
  ops: " ops/s",
  reqps: " req/s",
};
/** Units of time: smallest value in seconds, suffix, units per second. */
const DURATIONS = /** @type {const} */ ([
  [86_400, " d", 1 / 86_400],
  [3600, " h", 1 / 3600],
  [60, " min", 1 / 60],
  [1, " s", 1],
  [1e-3, " ms", 1e3],
  [1e-6, " µs", 1e6],
  [0, " ns", 1e9],
]);

/**
 * Formats a value in a Grafana unit, with three digits or `decimals`. An unknown unit becomes a suffix.
 * @param {number | null | undefined} value @param {string} [unit] @param {number} [decimals]
 */
export function formatValue(value, unit = "short", decimals = undefined) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (unit === "s") return formatDuration(value, decimals);
  if (unit === "ms") return formatDuration(value / 1e3, decimals);
  if (unit === "percentunit") return `${fixed(value * 100, decimals)}%`;
  if (unit === "percent") return `${fixed(value, decimals)}%`;
  if (unit === "bytes") return scaled(value, 1024, BYTES, decimals);
  if (unit === "Bps") return `${scaled(value, 1000, DECIMAL_BYTES, decimals)}/s`;
  if (unit === "none") return fixed(value, decimals);
  if (unit === "locale") return Number(fixed(value, decimals)).toLocaleString("en");
  const text = scaled(value, 1000, SHORT, decimals);
  return unit === "short" || unit === "" ? text : `${text}${RATES[unit] ?? ` ${unit}`}`;
}

/** 12 µs, 3.4 ms, 1.2 s, 3 min, 2 h. @param {number} seconds @param {number} [decimals] */
export function formatDuration(seconds, decimals = undefined) {
  // A value that rounds to four digits takes the next unit: 1 s, not 1000 ms.
  const size = Math.abs(seconds) * 1.0005;
  if (size === 0) return "0 s";
  const [, name, many] = DURATIONS.find(([from]) => size >= from) ?? DURATIONS[6];
  return `${fixed(seconds * many, decimals)}${name}`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const DAY = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit" });

/** Day and time of day, in the browser's time zone. @param {number} ms since the epoch */
export function formatTime(ms) {
  return `${DAY.format(ms)} ${CLOCK.format(ms)}`;
}

/** Time of day with milliseconds. @param {number} ms since the epoch */
export function formatClock(ms) {
  return CLOCK.format(ms);
}

/** @param {number} value @param {number} base @param {readonly string[]} names @param {number | undefined} decimals */
function scaled(value, base, names, decimals) {
  let step = 0;
  let rest = value;
  while (Math.abs(rest) >= base && step < names.length - 1) {
    rest /= base;
    step += 1;
  }
  return `${fixed(rest, decimals)}${names[step]}`;
}

/** @param {number} value @param {number | undefined} decimals */
function fixed(value, decimals) {
  if (decimals !== undefined && decimals !== null) return value.toFixed(decimals);
  const size = Math.abs(value);
  if (size > 0 && size < 0.01) return String(Number(value.toPrecision(2)));
  return String(Number(value.toFixed(size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)));
}
