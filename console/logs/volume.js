// @ts-check
// Log volume: lines per level over time, as stacked bars. A click on a bar zooms in.

import { ask } from "../api.js";
import { swatch } from "../colors.js";
import { h, svg } from "../dom.js";
import { formatTime } from "../format.js";
import { counted, LEVEL, LEVELS, levelName, steps } from "./loki.js";

/** @type {import("./types").Volume} */
export async function volume(query, range, zoom, signal) {
  const { step, ends } = steps(range);
  const count = `sum by (${LEVEL}) (count_over_time(${query} [${step}s]))`;
  const params = { query: count, start: ends[0], end: ends.at(-1), step };
  const { data } = await ask("loki", "loki/api/v1/query_range", params, signal);
  // The most severe level is at the bottom, where heights can be compared.
  const levels = ["other", ...LEVELS].reverse().map((name) => ({ name, counts: ends.map(() => 0), total: 0 }));
  const sums = ends.map(() => 0);
  for (const { metric, values } of data.result) {
    const level = levels.find(({ name }) => name === levelName(metric[LEVEL])) ?? levels[LEVELS.length];
    for (const [end, text] of values) {
      const at = (end - ends[0]) / step;
      level.counts[at] += Number(text);
      level.total += Number(text);
      sums[at] += Number(text);
    }
  }
  const most = Math.max(1, ...sums);
  const bar = (end = 0, at = 0) => {
    let said = time(end - step);
    let y = most;
    const parts = levels
      .filter(({ counts }) => counts[at] > 0)
      .map(({ name, counts }) => {
        y -= counts[at];
        said += `\n${name} ${counts[at]}`;
        return svg("rect", { "data-level": name, x: at + 0.08, y, width: 0.84, height: counts[at] });
      });
    const place = svg("rect", { x: at, width: 1, height: most });
    const onclick = () => zoom({ from: `${(end - step) * 1000}`, to: `${end * 1000}` });
    return svg("g", { onclick }, svg("title", {}, said), place, parts);
  };
  const shown = levels.filter(({ total }) => total > 0);
  const text = counted(shown.reduce((sum, { total }) => sum + total, 0));
  const names = shown.map(({ name, total }) => `${name} ${total.toLocaleString("en")}`);
  const legend = names.map((name, at) => h("span", { "data-level": shown[at].name }, swatch("var(--level)"), name));
  const chart = svg(
    "svg",
    {
      role: "img",
      "aria-label": `Volume, ${text}: ${names.join(", ")}`,
      viewBox: `0 0 ${ends.length} ${most}`,
      preserveAspectRatio: "none",
    },
    ends.map(bar),
  );
  const axis = [ends[0] - step, ends[ends.length - 1]].map((at) => h("span", {}, time(at)));
  return [
    h("div", { class: "row" }, legend, h("span", { class: "quiet" }, `${text}, at most ${counted(most)} per bar`)),
    chart,
    h("div", { class: "log-axis quiet" }, axis),
  ];
}

/** @param {number} seconds */
function time(seconds) {
  return formatTime(seconds * 1000).slice(0, 19);
}
