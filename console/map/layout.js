// @ts-check
// Where the services of the map stand, the lines between them, and the places for the text of each line.

import { columnsOf } from "../traces/service_graph.js";

/** @import { Box, Curve, Edge, Place, Point } from "./types" */

/** Size of a service's box, and the gaps between boxes, in pixels. */
export const [WIDTH, HEIGHT] = [190, 72];
const [BESIDE, BELOW] = [170, 48];

/** Columns from callers to called ones, and a box in them for each place. @param {readonly Place[]} places @param {readonly Edge[]} edges */
export function boxes(places, edges) {
  const names = places.map(({ name }) => name);
  const calls = edges.filter(({ from, to }) => from !== to);
  const called = new Set(calls.map(({ to }) => to));
  const unasked = names.filter((name) => !called.has(name));
  /** @type {string[][]} */
  const columns = [];
  // Services that call each other in a circle have no first one.
  for (let first = unasked; ; first = names.filter((name) => !columns.flat().includes(name)).slice(0, 1)) {
    if (first.length === 0) {
      if (columns.flat().length === names.length) break;
      continue;
    }
    const placed = columns.flat();
    const open = calls.filter(({ to }) => !placed.includes(to));
    columnsOf(first, /** @type {any} */ (open)).forEach((column, at) => {
      columns[at] = [...(columns[at] ?? []), ...column];
    });
  }
  const most = Math.max(0, ...columns.map((column) => column.length));
  /** @type {Map<string, Box>} */
  const all = new Map();
  columns.forEach((column, x) =>
    column.forEach((name, row) => {
      const above = (most - column.length) / 2;
      const at = { x: x * (WIDTH + BESIDE), y: (above + row) * (HEIGHT + BELOW) };
      all.set(name, { ...at, width: WIDTH, height: HEIGHT });
    }),
  );
  return all;
}

/** The line between two boxes. @param {Box} from @param {Box} to @returns {Curve} */
export function curve(from, to) {
  const [fromY, toY] = [from.y + HEIGHT / 2, to.y + HEIGHT / 2];
  const right = from.x + WIDTH;
  if (from === to) {
    const [one, other] = [from.x + WIDTH * 0.65, from.x + WIDTH * 0.35];
    return [
      { x: one, y: from.y },
      { x: one, y: from.y - 46 },
      { x: other, y: from.y - 46 },
      { x: other, y: from.y },
    ];
  }
  if (to.x > from.x) {
    const bend = (to.x - right) / 2;
    return [
      { x: right, y: fromY },
      { x: right + bend, y: fromY },
      { x: to.x - bend, y: toY },
      { x: to.x, y: toY },
    ];
  }
  if (to.x === from.x) {
    // Further out for a longer way, and for the way back.
    const out = right + (toY > fromY ? 40 : 70) + Math.abs(toY - fromY) / 3;
    return [
      { x: right, y: fromY + 14 },
      { x: out, y: fromY },
      { x: out, y: toY },
      { x: right, y: toY - 14 },
    ];
  }
  const low = Math.max(from.y, to.y) + HEIGHT + 70;
  return [
    { x: from.x + WIDTH / 2, y: from.y + HEIGHT },
    { x: from.x + WIDTH / 2, y: low },
    { x: to.x + WIDTH / 2, y: low },
    { x: to.x + WIDTH / 2, y: to.y + HEIGHT },
  ];
}

/**
 * The middle of a text upon a line where it touches no other text and no box; undefined if there is none. The place is
 * added to `taken`.
 * @param {Curve} line @param {number} width of the text @param {Box[]} taken
 */
export function textPlace(line, width, taken) {
  const [half, height] = [width / 2, 16];
  for (const part of [0.5, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2]) {
    for (const beside of [-8, 14]) {
      const { x, y } = pointAt(line, part);
      const box = { x: x - half, y: y + beside - height, width, height: height + 4 };
      if (taken.some((other) => touches(box, other))) continue;
      taken.push(box);
      return { x, y: y + beside };
    }
  }
  return undefined;
}

/** @param {Curve} line @param {number} part @returns {Point} */
function pointAt([start, one, other, end], part) {
  const rest = 1 - part;
  const weights = [rest ** 3, 3 * rest ** 2 * part, 3 * rest * part ** 2, part ** 3];
  /** @param {"x" | "y"} axis */
  const sum = (axis) => [start, one, other, end].reduce((all, point, at) => all + point[axis] * weights[at], 0);
  return { x: sum("x"), y: sum("y") };
}

/** @param {Box} one @param {Box} other */
function touches(one, other) {
  const across = one.x < other.x + other.width && other.x < one.x + one.width;
  return across && one.y < other.y + other.height && other.y < one.y + one.height;
}
