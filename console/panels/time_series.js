// @ts-check
// The time series panel, drawn by uPlot: crosshair, tooltip, legend, zoom, exemplars.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { colorsOf, namedColor } from "../colors.js";
import { fill, h } from "../dom.js";
import { formatTime } from "../format.js";
import { THEME_CHANGED } from "../theme.js";
import { extent, line, timeAxis, valueAxis } from "./chart_look.js";
import { exemplars } from "./exemplars.js";
import { drawLegend } from "./legend.js";
import { hideTooltip, showTooltip } from "./tooltip.js";
import { calculation, text } from "./values.js";

/** @import { Draw, Named, Place, Result, Row } from "../dashboard/types" */

const MOST_ROWS = 20;
/** Fixed colours of log levels. */
const LEVELS = Object.entries({ ERROR: "red", WARN: "orange", INFO: "green" });

/** @param {Place} place @returns {Draw} */
export function timeSeries({ panel, body, title, signal, zoom }) {
  const config = panel.fieldConfig?.defaults ?? {};
  const area = h("div", { class: "chart", role: "group" });
  const names = h("div", { class: "legend" });
  const dots = exemplars();
  fill(body, area, names);
  body.classList.toggle("legend-right", panel.options?.legend?.placement === "right");
  /** @type {Set<string>} */
  const hidden = new Set();
  /** @type {Result} */
  let last;
  /** @type {Named[]} */
  let lines = [];
  /** @type {uPlot | undefined} */
  let chart;
  let shape = "";

  /** @type {Draw} */
  function draw(result) {
    last = result;
    const colors = colorsOf(result.series.map((one) => one.name).sort());
    for (const [level, color] of LEVELS) if (colors.has(level)) colors.set(level, namedColor(color));
    lines = result.series.map(({ name, values }) => {
      return { name, values, color: colors.get(name) ?? "", hidden: hidden.has(name) };
    });
    if (lines.length === 0) return false;
    /** @type {uPlot.AlignedData} */
    const data = [result.times, ...lines.map((one) => one.values)];
    const wanted = JSON.stringify(lines.map((one) => [one.name, one.hidden]));
    if (chart && wanted === shape) chart.setData(data);
    else {
      chart?.destroy();
      chart = new uPlot(options(), data, area);
      chart.over.append(dots.layer);
      chart.over.addEventListener("mouseleave", hideTooltip);
      shape = wanted;
    }
    const latest = lines.map((one) => `${one.name} ${text(calculation().of(one.values), config)}`);
    area.setAttribute("aria-label", `${title}, latest values: ${latest.join("; ")}`);
    drawLegend(names, panel.options?.legend ?? {}, config, lines, (name) => {
      if (!hidden.delete(name)) hidden.add(name);
      draw(last);
    });
    return true;
  }

  /** @returns {uPlot.Options} */
  function options() {
    return {
      ...size(),
      padding: [8, 12, 0, 4],
      legend: { show: false },
      scales: {
        x: { range: () => [last.start / 1000, last.end / 1000] },
        y: { range: extent(config, () => last.exemplars.reduce((most, one) => Math.max(most, one.value), 0)) },
      },
      axes: [timeAxis(), valueAxis(config)],
      series: [{}, ...lines.map((one) => line(config, one.color, !one.hidden, lines.length))],
      cursor: {
        y: false,
        drag: { setScale: false, dist: 4 },
        sync: { key: "dashboard", setSeries: false, filters: { pub: (type) => /move|leave/.test(type) } },
      },
      hooks: { draw: [placeDots], setCursor: [showValues], setSelect: [zoomTo] },
    };
  }

  const size = () => ({ width: area.clientWidth, height: area.clientHeight });

  /** @param {uPlot} self */
  function placeDots(self) {
    const all = last.exemplars.map((exemplar) => {
      const { color, hidden } = lines.find((one) => one.name === exemplar.name) ?? { color: "var(--accent)" };
      const x = hidden ? -1 : self.valToPos(exemplar.time / 1000, "x");
      const y = self.valToPos(exemplar.value, "y");
      return { x, y, exemplar, color, value: text(exemplar.value, config) };
    });
    dots.draw(all.filter(({ x }) => x >= 0 && x <= self.over.clientWidth));
  }

  /** @param {uPlot} self */
  function showValues({ cursor: { left = -1, top = 0, idx }, over, data }) {
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

  /** @param {uPlot} self */
  function zoomTo(self) {
    const { left, width } = self.select;
    if (width < 4) return;
    self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    zoom(self.posToVal(left, "x") * 1000, self.posToVal(left + width, "x") * 1000);
  }

  const sized = new ResizeObserver(() => area.clientWidth > 0 && chart?.setSize(size()));
  sized.observe(area);
  window.addEventListener(THEME_CHANGED, () => chart?.redraw(), { signal });
  signal.addEventListener("abort", () => {
    sized.disconnect();
    chart?.destroy();
    hideTooltip();
  });
  return draw;
}
