// @ts-check
// Draws the service map: a box for each service, and a line for the requests from one to another.

import { go, link } from "../address.js";
import { colorsOf } from "../colors.js";
import { svg } from "../dom.js";
import { formatDuration, formatValue } from "../format.js";
import { HEIGHT, WIDTH, boxes, curve, textPlace } from "./layout.js";

/** @import { Range } from "../types" */
/** @import { Edge, Graph, Place } from "./types" */

/** Pixels that a letter takes at most on average. */
const LETTER = 6.4;
const LONGEST = 21;
/** The first and the last bound of the edges' histograms: what is below or above is not known better. */
const [FIRST, LAST] = [0.1, 12.8];

/** @param {number} value */
export function perSecond(value) {
  return `${formatValue(value)}/s`;
}

/** @param {string} name */
export function shownName(name) {
  return name || "(no name)";
}

/** Quantile of an edge. @param {number} seconds */
export function quantile(seconds) {
  if (Number.isNaN(seconds)) return "–";
  if (seconds >= LAST) return `> ${formatDuration(LAST)}`;
  return seconds < FIRST ? `< ${formatDuration(FIRST)}` : formatDuration(seconds);
}

/** @param {{ rate: number, errors: number }} of */
export function share({ rate, errors }) {
  return formatValue(rate > 0 ? errors / rate : 0, "percentunit");
}

/** @param {Graph} graph @param {Range} range */
export function drawing({ places, edges }, range) {
  const at = boxes(places, edges);
  const colors = colorsOf(places.map(({ name }) => name));
  const taken = [...at.values()];
  const lines = edges.flatMap((edge) => {
    const [from, to] = [at.get(edge.from), at.get(edge.to)];
    return from && to ? [{ edge, curve: curve(from, to) }] : [];
  });
  const texts = lines.flatMap(({ edge, curve }) => {
    const text = `${perSecond(edge.rate)} · ${Number.isNaN(edge.mean) ? "–" : formatDuration(edge.mean)}`;
    const place = textPlace(curve, text.length * LETTER, taken);
    return place ? [svg("text", { ...place, class: edge.errors > 0 ? "quiet bad" : "quiet" }, text)] : [];
  });
  const all = [...taken, ...lines.flatMap(({ curve }) => curve.map((point) => ({ ...point, width: 0, height: 0 })))];
  const [left, top] = [Math.min(...all.map(({ x }) => x)) - 8, Math.min(...all.map(({ y }) => y)) - 8];
  const width = Math.max(...all.map((one) => one.x + one.width)) + 8 - left;
  const height = Math.max(...all.map((one) => one.y + one.height)) + 8 - top;
  return svg(
    "svg",
    { width, height, viewBox: `${left} ${top} ${width} ${height}`, role: "group", "aria-label": "Map" },
    svg(
      "marker",
      { id: "call", class: "quiet", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" },
      svg("path", { d: "M0 0 8 4 0 8" }),
    ),
    lines.map(({ edge, curve: [start, one, other, end] }) =>
      svg("path", {
        class: edge.errors > 0 ? "bad" : "quiet",
        d: `M${start.x} ${start.y} C${one.x} ${one.y} ${other.x} ${other.y} ${end.x} ${end.y}`,
        "marker-end": "url(#call)",
        "stroke-width": edge.rate >= 10 ? 3 : edge.rate >= 1 ? 2 : 1,
      }),
    ),
    texts,
    places.map((place) => box(place, at.get(place.name), colors.get(place.name), range)),
  );
}

/** @param {Place} place @param {{ x?: number, y?: number }} at @param {string | undefined} color @param {Range} range */
function box(place, { x = 0, y = 0 } = {}, color, range) {
  const { name, kind, errors, rate, p95 } = place;
  /** @param {number} y */
  const middle = (y, look = "") => ({ x: WIDTH / 2, y, class: look, "text-anchor": "middle" });
  const shown = shownName(name);
  const short = shown.length > LONGEST ? `${shown.slice(0, LONGEST - 1)}…` : shown;
  const title = svg("text", middle(24), short, svg("title", {}, shown));
  const facts = kind === "" || rate > 0 ? [perSecond(rate), `${share(place)} errors`] : ["sends no spans"];
  return svg(
    "svg",
    { x, y, width: WIDTH, height: HEIGHT },
    svg("rect", {
      ...{ x: 1, y: 1, width: WIDTH - 2, height: HEIGHT - 2, rx: 8, color },
      "stroke-width": 2,
      "stroke-dasharray": kind ? "5 4" : undefined,
    }),
    kind ? title : leading(title, link("/services", { service: name, ...range }), `Rate, errors, duration of ${shown}`),
    svg("text", middle(43, errors > 0 ? "quiet bad" : "quiet"), facts.join(" · ")),
    kind
      ? svg("text", middle(61, "quiet"), kind === "database" ? "database" : "outside")
      : svg(
          "text",
          middle(61, "quiet"),
          `p95 ${p95 === undefined || Number.isNaN(p95) ? "–" : formatDuration(p95)} · `,
          leading(svg("tspan", {}, "traces"), link("/traces", { service: name, ...range }), `Traces of ${shown}`),
        ),
  );
}

/** A link in a drawing, followed without reloading the page. @param {Element} content @param {string} href @param {string} label */
function leading(content, href, label) {
  /** @param {MouseEvent} event */
  const follow = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    const { pathname, searchParams } = new URL(href, location.href);
    go(pathname, searchParams);
  };
  return svg("a", { href, "aria-label": label, onclick: follow }, content);
}

/** The line of an edge in words. @param {Edge} edge */
export function kindOf({ connection }) {
  return { database: "database", messaging_system: "queue", virtual_node: "outside" }[connection] ?? "direct";
}
