// @ts-check
// The spans of a trace as a tree beside a time axis, with the keyboard of an ARIA treegrid. Only rows near the viewport
// and the active row are drawn.

import { fill, h } from "../dom.js";
import { spanTree } from "./span_tree.js";
import { headRow, ROW, rowMaker } from "./waterfall_row.js";

/** @import { Path, Span, Trace } from "./types" */

/** Trees that were made: the ids of their rows differ, since a page may have several. */
let made = 0;

/** Extra rows drawn above and below the viewport. */
const AROUND = 12;

/** @param {Trace} trace @param {Path} path @param {(span: Span) => void} chosen */
export function waterfall(trace, path, chosen) {
  const tree = spanTree(trace.spans);
  const own = `span-${++made}-`;
  const make = rowMaker(trace, path, own);
  let active = trace.spans[0];
  /** @type {Span | undefined} */
  let selected;
  /** @type {Span[]} */
  let visible = [];

  const rows = h("div", { role: "rowgroup", class: "wf-rows" });
  const grid = h(
    "div",
    { role: "treegrid", tabIndex: 0, "aria-label": "Spans of the trace", onkeydown, onclick, onscroll: draw },
    headRow(trace.duration),
    rows,
  );

  function draw() {
    visible = tree.visible();
    const at = visible.indexOf(active);
    fill(
      rows,
      drawnPlaces(visible.length, at, grid.scrollTop).map((place) => row(visible[place], place)),
    );
    rows.style.height = `${visible.length * ROW}px`;
    grid.setAttribute("aria-rowcount", String(visible.length + 1));
    grid.setAttribute("aria-activedescendant", own + at);
  }

  /** @param {Span} span @param {number} at */
  function row(span, at) {
    return make(span, at, { open: tree.isOpen(span), active: span === active, selected: span === selected });
  }

  /** Makes a span active and scrolls to it. @param {Span} span */
  function reveal(span) {
    active = span;
    tree.uncover(span);
    draw();
    const top = visible.indexOf(span) * ROW;
    grid.scrollTop = Math.min(top, Math.max(grid.scrollTop, top - grid.clientHeight + 2 * ROW));
  }

  /** @param {Span} span */
  function toggle(span) {
    tree.toggle(span);
    reveal(span);
  }

  /** @param {Span | undefined} span */
  function select(span) {
    selected = span;
    reveal(span ?? active);
    if (span) chosen(span);
  }

  /** @param {KeyboardEvent} event */
  function onkeydown(event) {
    const { key } = event;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const open = tree.isOpen(active);
    const next = tree.follow(key, active);
    if (key === "Enter" || key === " ") select(active);
    else if (open ? key === "ArrowLeft" : open === false && key === "ArrowRight") toggle(active);
    else if (next) reveal(next);
    else return;
    event.preventDefault();
  }

  /** @param {MouseEvent} event */
  function onclick({ target }) {
    if (!(target instanceof Element)) return;
    const span = visible[Number(target.closest("[id]")?.id.replace(own, ""))];
    if (span?.children.length && target.matches(".wf-toggle")) toggle(span);
    else if (span) select(span);
  }

  return { element: grid, select };
}

/**
 * Places of the rows to draw: those near the viewport, and the active one, since aria-activedescendant must name an
 * element that exists.
 * @param {number} count @param {number} active @param {number} scrolled pixels above the viewport
 */
function drawnPlaces(count, active, scrolled) {
  const first = Math.max(0, Math.floor(scrolled / ROW) - AROUND);
  const end = Math.min(count, first + Math.ceil(innerHeight / ROW) + 2 * AROUND);
  const places = Array.from({ length: Math.max(0, end - first) }, (_, at) => first + at);
  if (active < first) places.unshift(active);
  else if (active >= end) places.push(active);
  return places;
}
