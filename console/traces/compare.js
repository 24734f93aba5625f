// @ts-check
// Matches the spans of two traces: by service, kind and name, on the same path from the root.

/** @import { Pair, Span, Trace } from "./types" */

/** Spans that differ by less are the same: a part of the duration, and milliseconds. */
const [PART, LEAST] = [0.1, 1];

/**
 * The spans of both traces as one tree, in its order. Children of a matched pair are matched among each other: the first
 * of a name with the first of that name, and so on; a span without a match is alone.
 * @param {Pick<Trace, "roots">} one @param {Pick<Trace, "roots">} other @returns {Pair[]}
 */
export function pairsOf(one, other) {
  /** @type {Pair[]} */
  const all = [];
  const waiting = matched(one.roots, other.roots, 0);
  // No recursion: a trace may be as deep as its number of spans.
  for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
    all.push(pair);
    for (const one of matched(pair.a?.children ?? [], pair.b?.children ?? [], pair.depth + 1)) waiting.push(one);
  }
  return all;
}

/** Pairs of siblings, the last first. @param {readonly Span[]} as @param {readonly Span[]} bs @param {number} depth */
function matched(as, bs, depth) {
  /** @type {Map<string, Span[]>} */
  const others = new Map();
  for (const b of bs) {
    const alike = others.get(keyOf(b)) ?? [];
    if (alike.push(b) === 1) others.set(keyOf(b), alike);
  }
  /** @type {Pair[]} */
  const pairs = as.map((a) => pairOf(depth, a, others.get(keyOf(a))?.shift()));
  for (const b of [...others.values()].flat()) pairs.push(pairOf(depth, undefined, b));
  /** @param {Pair} one */
  const start = ({ a, b }) => (a ?? b)?.start ?? 0;
  return pairs.sort((x, y) => start(y) - start(x));
}

/** @param {number} depth @param {Span | undefined} a @param {Span | undefined} b @returns {Pair} */
function pairOf(depth, a, b) {
  const change = a && b ? b.end - b.start - (a.end - a.start) : 0;
  const longer = a && b ? Math.max(a.end - a.start, b.end - b.start) : 0;
  const failed = Boolean(a && b && a.error !== b.error);
  return { a, b, depth, change, differs: !a || !b || failed || Math.abs(change) > Math.max(LEAST, PART * longer) };
}

/** @param {Span} span */
function keyOf({ service, kind, name }) {
  return JSON.stringify([service, kind, name]);
}

/** The pairs that differ, with those above them. @param {readonly Pair[]} all in the order of the tree */
export function differing(all) {
  /** @type {Set<Pair>} */
  const kept = new Set();
  /** @type {Pair[]} */
  const way = [];
  for (const pair of all) {
    way.length = pair.depth;
    way[pair.depth] = pair;
    if (pair.differs) for (const one of way) kept.add(one);
  }
  return all.filter((pair) => kept.has(pair));
}
