// @ts-check
// One row of the waterfall: a span with its duration, and its bar on the time axis.

import { h } from "../dom.js";
import { formatDuration } from "../format.js";

/** @import { Path, Piece, Span, Trace } from "./types" */

/** Height of a row in pixels, as in traces.css. */
export const ROW = 28;

/** Makes the rows of a trace. @param {Trace} trace @param {Path} path @param {string} own what ids of rows begin with */
export function rowMaker({ duration, colors }, path, own) {
  /**
   * @param {Span} span @param {number} at its place among the visible ones
   * @param {{ open: boolean | undefined, active: boolean, selected: boolean }} state
   */
  function row(span, at, { open, active, selected }) {
    const { service, name, kind, error, orphan, depth } = span;
    const length = formatDuration((span.end - span.start) / 1000);
    // Pieces too short to be seen are left out, except the first.
    const critical = path.get(span)?.filter((one, nth) => nth === 0 || one.end - one.start > duration / 1000);
    const told = [error && "error", orphan && "orphan", critical && "on the critical path"];
    return h(
      "div",
      {
        role: "row",
        id: own + at,
        class: active && "wf-active",
        style: `top: ${at * ROW}px; --service: ${colors.get(service)}; --level: ${depth}`,
        "aria-level": depth + 1,
        "aria-rowindex": at + 2,
        "aria-expanded": open?.toString(),
        "aria-selected": String(selected),
        "aria-label": [`${service} ${name}`, length, kind, ...told].filter(Boolean).join(", "),
      },
      nameCell(span, open),
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

  return row;
}

/** @param {Span} span @param {boolean | undefined} open */
function nameCell({ service, name, kind, error, orphan, circular }, open) {
  const title = circular ? "The parents of this span form a cycle" : "The parent span is not in the trace";
  return h(
    "div",
    { role: "gridcell", class: "wf-name" },
    h("span", { class: "wf-toggle" }, open === undefined ? "" : open ? "▾" : "▸"),
    h("span", { class: "swatch" }),
    h("span", { class: "wf-service quiet" }, service),
    h("span", {}, name),
    error && h("strong", { class: "bad" }, "!"),
    orphan && h("em", { title }, "orphan"),
    h("small", { class: "quiet" }, kind),
  );
}

/** The row of column headers, with marks on the time axis. @param {number} duration */
export function headRow(duration) {
  const marks = [0, 0.25, 0.5, 0.75].map((part) => {
    return h("span", { style: `left: ${part * 100}%` }, formatDuration((part * duration) / 1000));
  });
  return h(
    "div",
    { role: "row", class: "wf-head quiet" },
    h("div", { role: "columnheader" }, "Span"),
    h("div", { role: "columnheader", class: "numeric" }, "Duration"),
    h("div", { role: "columnheader", class: "wf-time" }, marks),
  );
}
