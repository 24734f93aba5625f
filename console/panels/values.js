// @ts-check
// Display of values: Grafana's calculations, units, and colours of thresholds.

import { namedColor } from "../colors.js";
import { formatValue } from "../format.js";

/** @import { FieldConfig, Series } from "../dashboard/types" */

/** @type {Record<string, (values: number[]) => number>} */
const CALCULATIONS = {
  last: (values) => values[values.length - 1],
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  max: (values) => Math.max(...values),
  min: (values) => Math.min(...values),
};

/** @param {string} [name] */
export function calculation(name = "last") {
  const plain = name.replace("NotNull", "");
  /** @param {Series["values"]} values */
  const of = (values) => {
    const known = values.filter((value) => typeof value === "number");
    return known.length > 0 ? (CALCULATIONS[plain] ?? CALCULATIONS.last)(known) : null;
  };
  return { title: plain[0].toUpperCase() + plain.slice(1), of };
}

/** A value with its unit. @param {number | null | undefined} value @param {FieldConfig} config */
export function text(value, { unit, decimals }) {
  return formatValue(value, unit, decimals);
}

/** Text and colour of a value, by mappings and thresholds. @param {number | null} value @param {FieldConfig} config */
export function shown(value, config) {
  const { noValue = "No data", mappings = [], thresholds } = config;
  if (value === null) return { text: noValue, color: "var(--quiet)" };
  const mapped = mappings.find((one) => one.type === "value")?.options[value];
  const passed = thresholds?.steps?.findLast((step) => value >= (step.value ?? -Infinity));
  return { text: mapped?.text ?? text(value, config), color: namedColor(mapped?.color ?? passed?.color) };
}
