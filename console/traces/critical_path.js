// @ts-check
// The critical path: the spans that determine the duration of a trace.

/** @import { Path, Span, Trace } from "./types" */

/**
 * The pieces of each span on the critical path, computed backwards from the end. A span waits for the child that
 * finished last; before that child started, for the one that had finished last by then; with no child running, the
 * time is its own.
 * @param {Trace} trace
 */
export function criticalPath({ roots, duration }) {
  /** @type {Path} */
  const path = new Map();
  /** @type {{ span?: Span, children: Span[], start: number, end: number }[]} */
  const waiting = [{ children: roots, start: 0, end: duration }];
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    const { span, start, end } = one;
    let until = end;
    const own = [];
    const children = one.children
      .map((child) => ({ child, start: Math.max(child.start, start), end: Math.min(child.end, end) }))
      .filter((child) => child.start < child.end)
      .sort((a, b) => b.end - a.end || a.start - b.start);
    for (const { child, ...piece } of children) {
      // A child that overlaps one on the path ran in parallel.
      if (piece.end > until) continue;
      if (piece.end < until) own.push({ start: piece.end, end: until });
      waiting.push({ span: child, children: child.children, ...piece });
      until = piece.start;
    }
    if (until > start) own.push({ start, end: until });
    if (span && own.length > 0) path.set(span, own.reverse());
  }
  return path;
}
