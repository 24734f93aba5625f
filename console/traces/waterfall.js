// @ts-check
// The spans of a trace as a tree beside a time axis, with the keyboard of an ARIA treegrid. Only rows near the viewport
// and the active row are drawn.

import { fill, h } from "../dom.js";
import { formatDuration } from "../format.js";

/** @import { Path, Piece, Span, Trace } from "./types" */

/** Height of a row in pixels, as in traces.css, and extra rows drawn above and below the viewport. */
const [ROW, AROUND] = [28, 12];
/** Rows that a key moves down. @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity };

/** @param {Trace} trace @param {Path} path @param {(span: Span) => void} chosen */
export function waterfall({ spans, duration, colors }, path, chosen) {
  /** @type {Set<Span>} */
  const collapsed = new Set();
  let active = spans[0];
  /** @type {Span | undefined} */
  let selected;
  /** @type {Span[]} */
  let visible = [];

  const marks = [0, 0.25, 0.5, 0.75].map((part) => {
    return h("span", { style: `left: ${part * 100}%` }, formatDuration((part * duration) / 1000));
  });
  const rows = h("div", { role: "rowgroup", class: "wf-rows" });
  const grid = h(
    "div",
    { role: "treegrid", tabIndex: 0, "aria-label": "Spans of the trace", onkeydown, onclick, onscroll: draw },
    h(
      "div",
      { role: "row", class: "wf-head quiet" },
      h("div", { role: "columnheader" }, "Span"),
      h("div", { role: "columnheader", class: "numeric" }, "Duration"),
      h("div", { role: "columnheader", class: "wf-time" }, marks),
    ),
    rows,
  );

  function draw() {
    let hidden = Infinity;
    visible = spans.filter((span) => {
      if (span.depth > hidden) return false;
      hidden = collapsed.has(span) ? span.depth : Infinity;
      return true;
    });
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - AROUND);
    const shown = visible.slice(first, first + Math.ceil(innerHeight / ROW) + 2 * AROUND);
    const drawn = shown.map((span, at) => row(span, first + at));
    const at = visible.indexOf(active);
    // aria-activedescendant must name an element that exists, so the active row is drawn even when it is scrolled away.
    if (at < first) drawn.unshift(row(active, at));
    else if (at >= first + shown.length) drawn.push(row(active, at));
    fill(rows, drawn);
    rows.style.height = `${visible.length * ROW}px`;
    grid.setAttribute("aria-rowcount", String(visible.length + 1));
    grid.setAttribute("aria-activedescendant", `span-${at}`);
  }

  /** @param {Span} span @param {number} at its place among the visible ones */
  function row(span, at) {
    const { service, name, kind, error, orphan, circular, depth } = span;
    const open = span.children.length > 0 ? !collapsed.has(span) : undefined;
    const length = formatDuration((span.end - span.start) / 1000);
    // Pieces too short to be seen are left out, except the first.
    const critical = path.get(span)?.filter((one, nth) => nth === 0 || one.end - one.start > duration / 1000);
    const told = [error && "error", orphan && "orphan", critical && "on the critical path"];
    return h(
      "div",
      {
        role: "row",
        id: `span-${at}`,
        class: span === active && "wf-active",
        style: `top: ${at * ROW}px; --service: ${colors.get(service)}; --level: ${depth}`,
        "aria-level": depth + 1,
        "aria-rowindex": at + 2,
        "aria-expanded": open?.toString(),
        "aria-selected": String(span === selected),
        "aria-label": [`${service} ${name}`, length, kind, ...told].filter(Boolean).join(", "),
      },
      h(
        "div",
        { role: "gridcell", class: "wf-name" },
        h("span", { class: "wf-toggle" }, open === undefined ? "" : open ? "▾" : "▸"),
        h("span", { class: "swatch" }),
        h("span", { class: "wf-service quiet" }, service),
        h("span", {}, name),
        error && h("strong", { class: "bad" }, "!"),
        orphan &&
          h(
            "em",
            { title: circular ? "The parents of this span form a cycle" : "The parent span is not in the trace" },
            "orphan",
          ),
        h("small", { class: "quiet" }, kind),
      ),
      h("div", { role: "gridcell", class: "numeric" }, length),
      h(
        "div",
        { role: "gridcell", class: "wf-time" },
        bar(error ? "wf-bar wf-failed" : "wf-bar", span),
        critical?.map((piece) => bar("wf-critical", piece)),
      ),
    );
  }

  /** @param {string} look @param {Piece} piece */
  function bar(look, { start, end }) {
    const percent = 100 / (duration || 1);
    const left = `min(${start * percent}%, 100% - 2px)`;
    return h("div", { class: look, style: `left: ${left}; width: ${(end - start) * percent}%` });
  }

  /** Makes a span active and scrolls to it. @param {Span} span */
  function reveal(span) {
    active = span;
    for (let above = span.parent; above; above = above.parent) collapsed.delete(above);
    draw();
    const top = visible.indexOf(span) * ROW;
    grid.scrollTop = Math.min(top, Math.max(grid.scrollTop, top - grid.clientHeight + 2 * ROW));
  }

  /** @param {Span} span */
  function toggle(span) {
    if (!collapsed.delete(span)) collapsed.add(span);
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
    const at = visible.indexOf(active);
    const open = visible[at + 1]?.parent === active;
    const step = key === "ArrowRight" ? Number(open) : STEPS[key];
    if (key === "Enter" || key === " ") select(active);
    else if (key === (open ? "ArrowLeft" : "ArrowRight") && active.children.length > 0) toggle(active);
    else if (key === "ArrowLeft") reveal(active.parent ?? active);
    else if (step !== undefined) reveal(visible[Math.min(visible.length - 1, Math.max(0, at + step))]);
    else return;
    event.preventDefault();
  }

  /** @param {MouseEvent} event */
  function onclick({ target }) {
    if (!(target instanceof Element)) return;
    const span = visible[Number(target.closest("[id]")?.id.replace("span-", ""))];
    if (span?.children.length && target.matches(".wf-toggle")) toggle(span);
    else if (span) select(span);
  }

  return { element: grid, select };
}
