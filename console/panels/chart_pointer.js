// @ts-check
// The pointer on a chart: the values under the crosshair, and zoom by dragging.

import { formatTime } from "../format.js";
import { hideTooltip, showTooltip } from "./tooltip.js";
import { text } from "./values.js";

/** @import uPlot from "../vendor/uplot/uPlot.esm.js" */
/** @import { FieldConfig, Named, Row } from "../dashboard/types" */

const MOST_ROWS = 20;

/** Shows the highest values at the crosshair. @param {uPlot} chart @param {Named[]} lines @param {FieldConfig} config */
export function showValues({ cursor: { left = -1, top = 0, idx }, over, data }, lines, config) {
  // Other charts only move their crosshair; a dot has its own tooltip.
  if (!over.matches(":hover") || over.querySelector(":hover > a:hover")) return;
  if (left < 0 || typeof idx !== "number") return hideTooltip();
  const known = lines.filter((one) => !one.hidden && typeof one.values[idx] === "number");
  const highest = known.sort((a, b) => Number(b.values[idx]) - Number(a.values[idx])).slice(0, MOST_ROWS);
  /** @type {Row[]} */
  const rows = highest.map(({ name, values, color }) => [name, text(values[idx], config), color]);
  const { x, y } = over.getBoundingClientRect();
  showTooltip(x + left, y + top, formatTime(data[0][idx] * 1000), rows);
}

/** Zooms to the dragged range. @param {uPlot} chart @param {(start: number, end: number) => void} zoom */
export function zoomTo(chart, zoom) {
  const { left, width } = chart.select;
  if (width < 4) return;
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  zoom(chart.posToVal(left, "x") * 1000, chart.posToVal(left + width, "x") * 1000);
}
