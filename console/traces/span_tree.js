// @ts-check
// The tree of spans as the user has folded it: which spans are visible, and where a key leads.

/** @import { Span } from "./types" */

/** Rows that a key moves down. @type {Record<string, number>} */
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity };

/** @param {readonly Span[]} spans in the order of the tree */
export function spanTree(spans) {
  /** @type {Set<Span>} */
  const collapsed = new Set();

  /** The spans that no collapsed span hides. @returns {Span[]} */
  function visible() {
    let hidden = Infinity;
    return spans.filter((span) => {
      if (span.depth > hidden) return false;
      hidden = collapsed.has(span) ? span.depth : Infinity;
      return true;
    });
  }

  /** True if the children of a span are visible, undefined if it has none. @param {Span} span */
  function isOpen(span) {
    return span.children.length > 0 ? !collapsed.has(span) : undefined;
  }

  /** @param {Span} span */
  function toggle(span) {
    if (!collapsed.delete(span)) collapsed.add(span);
  }

  /** Opens everything above a span. @param {Span} span */
  function uncover(span) {
    for (let above = span.parent; above; above = above.parent) collapsed.delete(above);
  }

  /**
   * The span that a key makes active: undefined if the key does not move, `active` itself at an end.
   * @param {string} key @param {Span} active
   */
  function follow(key, active) {
    if (key === "ArrowLeft") return active.parent ?? active;
    const step = key === "ArrowRight" ? Number(isOpen(active) ?? false) : STEPS[key];
    if (step === undefined) return undefined;
    const all = visible();
    return all[Math.min(all.length - 1, Math.max(0, all.indexOf(active) + step))];
  }

  return { visible, isOpen, toggle, uncover, follow };
}
