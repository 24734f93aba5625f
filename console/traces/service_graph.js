// @ts-check
// The services of a trace and the calls between them, as a drawing and as tables.

import { h, svg } from "../dom.js";
import { formatDuration } from "../format.js";
import { table } from "../table.js";
import { errors, serviceName } from "./parts.js";

/** @import { Call, Span, Trace } from "./types" */

/** Size of a service box, and gaps between boxes, in pixels. */
const [WIDTH, HEIGHT, BESIDE, BELOW] = [150, 48, 140, 50];

/** @param {Trace} trace */
export function serviceGraph(trace) {
  const calls = callsOf(trace.spans);
  const services = Map.groupBy(trace.spans, ({ service }) => service);
  /** @param {string} name */
  const named = (name) => serviceName(name, trace.colors.get(name));
  return h(
    "section",
    { class: "surface part" },
    h("h2", {}, "Service graph"),
    h("div", { class: "graph", tabIndex: 0, role: "group", "aria-label": "Services" }, drawing(trace, services, calls)),
    h(
      "details",
      {},
      h("summary", {}, "As tables"),
      table(
        "Services",
        ["Service", "Spans", "Errors"],
        [...services].map(([name, own]) => [named(name), own.length, errors(own.filter(({ error }) => error).length)]),
        ["Spans", "Errors"],
      ),
      table(
        "Calls",
        ["From", "To", "Calls", "Errors", "Average"],
        calls.map((call) => [named(call.from), named(call.to), call.count, errors(call.errors), average(call)]),
        ["Calls", "Errors"],
      ),
    ),
  );
}

/** Calls to another service, or from a client span to a server span of the same service. @param {readonly Span[]} spans */
export function callsOf(spans) {
  /** @type {Map<string, Call>} */
  const calls = new Map();
  for (const { parent, service: to, kind, error, start, end } of spans) {
    if (!parent || (parent.service === to && `${parent.kind} ${kind}` !== "client server")) continue;
    const key = JSON.stringify([parent.service, to]);
    const call = calls.get(key) ?? { from: parent.service, to, count: 0, errors: 0, time: 0 };
    calls.set(key, call);
    call.count += 1;
    call.errors += Number(error);
    call.time += end - start;
  }
  return [...calls.values()];
}

/** Columns of services: each is one column right of its first caller. @param {string[]} first @param {Call[]} calls */
export function columnsOf(first, calls) {
  const columns = [[...new Set(first)]];
  for (const column of columns) {
    const placed = columns.flat();
    const called = calls.filter(({ from, to }) => column.includes(from) && !placed.includes(to));
    if (called.length > 0) columns.push([...new Set(called.map(({ to }) => to))]);
  }
  return columns;
}

/** @param {Trace} trace @param {Map<string, Span[]>} services @param {Call[]} calls */
function drawing({ roots, colors }, services, calls) {
  const columns = columnsOf(
    roots.map(({ service }) => service),
    calls,
  );
  const most = Math.max(...columns.map((column) => column.length));
  const places = new Map(
    columns.flatMap((names, column) => {
      const above = (most - names.length) / 2;
      return names.map((name, row) => [name, { x: column * (WIDTH + BESIDE), y: (above + row) * (HEIGHT + BELOW) }]);
    }),
  );
  const lines = calls.map((call) => ({ call, ...line(places.get(call.from), places.get(call.to)) }));
  const top = Math.min(0, ...lines.map(({ y }) => y)) - 20;
  const height = Math.max(most * (HEIGHT + BELOW), ...lines.map(({ y }) => y)) - top;
  const width = columns.length * (WIDTH + BESIDE) - BESIDE + 64;
  return svg(
    "svg",
    { width, height, viewBox: `-32 ${top} ${width} ${height}`, role: "img", "aria-label": "See the tables" },
    svg(
      "marker",
      { id: "call", class: "quiet", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" },
      svg("path", { d: "M0 0 8 4 0 8" }),
    ),
    lines.flatMap(({ call, path, x, y }) => [
      svg("path", { class: call.errors > 0 ? "bad" : "quiet", d: path, "marker-end": "url(#call)" }),
      svg("text", { class: "quiet", x, y }, `${call.count} × ${average(call)}`),
    ]),
    [...services].map(([name, own]) =>
      svg(
        "svg",
        { ...places.get(name), width: WIDTH, height: HEIGHT },
        svg("rect", { x: 1, y: 1, width: WIDTH - 2, height: HEIGHT - 2, rx: 8, color: colors.get(name) }),
        svg("text", { x: 14, y: 30 }, name, own.some(({ error }) => error) && svg("tspan", { class: "bad" }, " !")),
      ),
    ),
  );
}

/** The line from box to box: above the box for a call to itself, below both for a call back. */
function line(from = { x: 0, y: 0 }, to = from) {
  const bend = to.x > from.x ? 0 : to === from ? -100 : 130;
  const [fromX, fromY, toY] = [from.x + WIDTH, from.y + HEIGHT / 2, to.y + HEIGHT / 2];
  const path = `M${fromX} ${fromY} C${fromX + 70} ${fromY + bend} ${to.x - 70} ${toY + bend} ${to.x} ${toY}`;
  if (bend === 0) return { path, x: to.x - 60, y: toY + (toY > fromY ? 18 : -8) };
  return { path, x: (fromX + to.x) / 2, y: (fromY + toY) / 2 + bend * 0.75 - 5 };
}

/** @param {Call} call */
function average({ time, count }) {
  return formatDuration(time / count / 1000);
}
