// @ts-check
// The look of a chart: axes, value range and line style, from the panel's configuration.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { token } from "../theme.js";
import { text } from "./values.js";

/** @import { FieldConfig, Named, Result } from "../dashboard/types" */

const DAY = 86_400;
const TIMES = [1, 5, 15, 30, 60, 120, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, DAY, 7 * DAY, 30 * DAY];
/** Formats of the time axis by smallest step in seconds. */
const TIME_TEXTS = [
  [DAY, "{MM}-{DD}"],
  [21_600, "{MM}-{DD} {HH}:{mm}"],
  [60, "{HH}:{mm}"],
  [1, "{HH}:{mm}:{ss}"],
];
const POWERS = Array.from({ length: 60 }, (_, index) => 2 ** index);
const AXIS = {
  stroke: () => token("--quiet"),
  font: "11px system-ui, sans-serif",
  grid: { stroke: () => token("--raised"), width: 1 },
  ticks: { show: false },
  gap: 8,
};

/**
 * Options of a chart without its size and hooks.
 * @param {FieldConfig} config @param {readonly Named[]} lines @param {() => Result} last the result that is drawn
 * @returns {Omit<uPlot.Options, "width" | "height">}
 */
export function chartLook(config, lines, last) {
  return {
    padding: [8, 12, 0, 4],
    legend: { show: false },
    scales: {
      x: { range: () => [last().start / 1000, last().end / 1000] },
      y: { range: extent(config, () => last().exemplars.map(({ value }) => value)) },
    },
    axes: [timeAxis(), valueAxis(config)],
    series: [{}, ...lines.map((one) => line(config, one.color, !one.hidden, lines.length))],
    cursor: {
      y: false,
      drag: { setScale: false, dist: 4 },
      sync: { key: "dashboard", setSeries: false, filters: { pub: (type) => /move|leave/.test(type) } },
    },
  };
}

/**
 * @param {FieldConfig} config @param {string} color @param {boolean} show @param {number} count of lines
 * @returns {uPlot.Series}
 */
function line({ custom: { fillOpacity = 0 } = {} }, color, show, count) {
  // Many overlapping areas would hide the lines.
  const opacity = Math.round(fillOpacity * 2.55 * Math.min(1, 3 / count));
  return {
    show,
    stroke: color,
    fill: color + opacity.toString(16).padStart(2, "0"),
    width: 1.5,
    points: { size: 5, fill: color, show: false, filter: (chart, index) => alone(chart.data[index]) },
  };
}

/** Indexes of isolated points: no line passes through them, so they are drawn as dots. @param {ArrayLike<number | null | undefined>} values */
function alone(values) {
  /** @param {number} index */
  const known = (index) => typeof values[index] === "number";
  return Array.from(values, (_, at) => at).filter((at) => known(at) && !known(at - 1) && !known(at + 1));
}

/** The exemplars are within as well. @param {FieldConfig} config @param {() => number[]} values of exemplars @returns {uPlot.Scale.Range} */
function extent({ min, max }, values) {
  return (_, low, high) => {
    const [lowest, highest] = values().reduce(([a, b], one) => [Math.min(a, one), Math.max(b, one)], [Infinity, 0]);
    const from = Math.min(low ?? 0, min ?? Infinity, lowest);
    const [least, most] = uPlot.rangeNum(from, Math.max(high ?? 1, highest) || 1, 0.1, true);
    return [min ?? least, max ?? most];
  };
}

/** @param {FieldConfig} config @returns {uPlot.Axis} */
function valueAxis({ unit = "short", decimals }) {
  return {
    ...AXIS,
    space: 28,
    incrs: unit === "bytes" ? POWERS : undefined,
    values: (_, splits) => splits.map((split) => (decimals === 0 && split % 1 ? "" : text(split, { unit }))),
    size: (_, values) => 6.5 * Math.max(0, ...(values ?? []).map((value) => value.length)) + 14,
  };
}

/** @returns {uPlot.Axis} */
function timeAxis() {
  return { ...AXIS, space: 72, size: 26, incrs: TIMES, values: TIME_TEXTS };
}
