// @ts-check
// The time series panel, drawn by uPlot: crosshair, tooltip, legend, zoom, exemplars.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { colorsOf, namedColor } from "../colors.js";
import { fill, h } from "../dom.js";
import { THEME_CHANGED } from "../theme.js";
import { chartLook } from "./chart_look.js";
import { showValues, zoomTo } from "./chart_pointer.js";
import { exemplars, placed } from "./exemplars.js";
import { drawLegend } from "./legend.js";
import { hideTooltip } from "./tooltip.js";
import { calculation, text } from "./values.js";

/** @import { Draw, Named, Place, Result, Series } from "../dashboard/types" */

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
  const size = () => ({ width: area.clientWidth, height: area.clientHeight });
  /** @type {uPlot.Hooks.Arrays} */
  const hooks = {
    draw: [(self) => dots.draw(placed(self, last.exemplars, lines, config))],
    setCursor: [(self) => showValues(self, lines, config)],
    setSelect: [(self) => zoomTo(self, zoom)],
  };

  /** @type {Draw} */
  function draw(result) {
    last = result;
    lines = named(result.series, hidden);
    if (lines.length === 0) return false;
    /** @type {uPlot.AlignedData} */
    const data = [result.times, ...lines.map((one) => one.values)];
    const wanted = JSON.stringify(lines.map((one) => [one.name, one.hidden]));
    if (chart && wanted === shape) chart.setData(data);
    else {
      chart?.destroy();
      chart = new uPlot({ ...chartLook(config, lines, () => last), ...size(), hooks }, data, area);
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

/** Gives each series its colour. @param {Series[]} series @param {Set<string>} hidden @returns {Named[]} */
function named(series, hidden) {
  const colors = colorsOf(series.map((one) => one.name).sort());
  for (const [level, color] of LEVELS) if (colors.has(level)) colors.set(level, namedColor(color));
  return series.map(({ name, values }) => {
    return { name, values, color: colors.get(name) ?? "", hidden: hidden.has(name) };
  });
}
