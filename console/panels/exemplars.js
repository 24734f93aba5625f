// @ts-check
// Exemplars on a chart: each dot is one request, at its time and value, and links to its trace.

import { traceAddress } from "../correlation.js";
import { h } from "../dom.js";
import { formatTime } from "../format.js";
import { explain } from "./tooltip.js";
import { updating } from "./update.js";
import { text } from "./values.js";

/** @import uPlot from "../vendor/uplot/uPlot.esm.js" */
/** @import { Dot, Exemplar, FieldConfig, Named } from "../dashboard/types" */

const MOST = 150;
/** Smallest distance between dots in CSS pixels, so that each can be clicked. */
const ROOM = 13;

/**
 * The exemplars of visible lines, each at its place in the chart.
 * @param {uPlot} chart @param {readonly Exemplar[]} all @param {readonly Named[]} lines @param {FieldConfig} config
 */
export function placed(chart, all, lines, config) {
  const dots = all.map((exemplar) => {
    const { color, hidden } = lines.find((one) => one.name === exemplar.name) ?? { color: "var(--accent)" };
    const x = hidden ? -1 : chart.valToPos(exemplar.time / 1000, "x");
    const y = chart.valToPos(exemplar.value, "y");
    return { x, y, exemplar, color, value: text(exemplar.value, config) };
  });
  return dots.filter(({ x }) => x >= 0 && x <= chart.over.clientWidth);
}

/** Drops dots that overlap a slower one. @param {readonly Dot[]} dots */
export function apart(dots) {
  /** @type {Dot[]} */
  const kept = [];
  for (const dot of dots.toSorted((a, b) => a.y - b.y)) {
    if (kept.length < MOST && kept.every(({ x, y }) => Math.hypot(x - dot.x, y - dot.y) >= ROOM)) kept.push(dot);
  }
  return kept.sort((a, b) => a.x - b.x);
}

/** Draws the dots into `layer`. */
export function exemplars() {
  const layer = h("div", { role: "group", "aria-label": "Exemplars", onkeydown: follow });
  const update = updating(layer, ({ exemplar: { traceId, time, value } }) => `${traceId} ${time} ${value}`, anchor);
  /** @param {readonly Dot[]} dots */
  const draw = (dots) => {
    const kept = apart(dots);
    [...update(kept).values()].forEach(({ style }, index) => {
      const { x, y, color } = kept[index];
      style.left = `${x}px`;
      style.top = `${y}px`;
      style.backgroundColor = color;
    });
    // The Tab key reaches one dot; the arrow keys move to the others.
    if (!layer.querySelector("[tabindex='0']")) layer.firstElementChild?.setAttribute("tabindex", "0");
  };
  return { layer, draw };
}

/** @param {KeyboardEvent} event */
function follow(event) {
  const dot = /** @type {HTMLElement} */ (event.target);
  const next = { ArrowLeft: dot.previousElementSibling, ArrowRight: dot.nextElementSibling }[event.key];
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  dot.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** @param {Dot} dot */
function anchor({ exemplar: { traceId, time, name, labels }, value }) {
  const when = formatTime(time);
  const label = `Exemplar ${value}, trace ${traceId ?? "unknown"}, ${name}, ${when}`;
  const href = traceAddress(traceId ?? "");
  const made = h("a", { class: "exemplar", href, tabIndex: -1, "aria-label": label });
  const telling = Object.entries(labels).filter(([name]) => !/^(__name__|le|job)$/.test(name));
  explain(made, `Exemplar · ${when}`, [["value", value], ...telling]);
  return made;
}
